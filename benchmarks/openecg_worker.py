"""openecg's bundled boundary model as a process of its own, for `delineation.py`.

It may live in another environment than pedecg's: it needs openecg and a TFLite interpreter
(``pip install openecg==0.11.0 ai-edge-litert``) and nothing of this project. Each line on stdin
names a NumPy file with leads at 250 Hz, shape (n_leads, n_samples), and a number of threads; the
answer is one line of JSON: per lead the waves (name, onset_s, offset_s), and the processor and
clock seconds that they took.
"""

import json
import sys
import time

import numpy as np
from openecg.deploy import TARGET_FS, WINDOW_SAMPLES, Inference, logits_to_boundaries

STEP = 1500  # samples between windows: 6 s, of which 2 s at each edge are not trusted, as its own
EDGE = 500  # `encode_stream` does
PATCH = 5

models = {threads: Inference(num_threads=threads) for threads in (1, 2)}


def waves(lead: np.ndarray, model: Inference) -> list[tuple[str, float, float]]:
    """Return the waves of one lead of any length."""
    last = -(-max(len(lead) - WINDOW_SAMPLES, 0) // PATCH) * PATCH
    starts = sorted({*range(0, last, STEP), last})
    logits = np.zeros((-(-len(lead) // PATCH), 4), np.float32)
    for start in starts:
        window = lead[start : start + WINDOW_SAMPLES]
        window = np.pad(window, (0, WINDOW_SAMPLES - len(window)))
        found = model.forward_window(window)
        skip = 0 if start == 0 else EDGE // PATCH
        end = min(len(logits), start // PATCH + len(found))
        logits[start // PATCH + skip : end] = found[skip : end - start // PATCH]
    return [
        (wave.name, (start + wave.start) / TARGET_FS, (start + wave.end) / TARGET_FS)
        for start, wave in _decoded(logits)
    ]


def _decoded(logits: np.ndarray):
    """Decode the joined frames as the package decodes a window of them."""
    n = WINDOW_SAMPLES // PATCH
    if len(logits) == n:
        yield from ((0, wave) for wave in logits_to_boundaries(logits))
        return
    classes = logits.argmax(axis=1)
    # Cut at rests, so that no wave is split between two calls.
    begin = 0
    while begin < len(classes):
        end = min(begin + n, len(classes))
        if end < len(classes):
            rests = np.flatnonzero(classes[begin:end] == 0)
            end = begin + int(rests[-1]) + 1 if len(rests) else end
        part = np.full((n, 4), [1.0, 0.0, 0.0, 0.0], np.float32)
        part[: end - begin] = logits[begin:end]
        yield from ((begin * PATCH, wave) for wave in logits_to_boundaries(part))
        begin = end


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        file, threads = line.rsplit(maxsplit=1)
        leads = np.load(file)
        wall, cpu = time.perf_counter(), time.process_time()
        found = [waves(lead, models[int(threads)]) for lead in leads]
        took = time.process_time() - cpu, time.perf_counter() - wall
        print(json.dumps({"leads": found, "cpu_s": took[0], "wall_s": took[1]}), flush=True)


if __name__ == "__main__":
    main()
