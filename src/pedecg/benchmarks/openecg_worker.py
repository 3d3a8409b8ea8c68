"""openecg's bundled boundary model as a process of its own, for `delineators.OpenEcg`.

It may run in another environment than pedecg's: it needs openecg and a TFLite interpreter
(``pip install openecg==0.11.0 ai-edge-litert``) and nothing of this project. Each line on stdin
names a NumPy file with leads at 250 Hz, shape (n_leads, n_samples); the answer is one line of JSON:
per lead the waves (name, onset_s, offset_s).
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from openecg.deploy import TARGET_FS, WINDOW_SAMPLES, Inference, logits_to_boundaries

# As `encode_stream` of openecg reads a long lead: windows every 6 s, the outer 2 s not used.
STEP_SAMPLES = 1500
EDGE_SAMPLES = 500  # 2 s at 250 Hz
PATCH_SAMPLES = 5  # samples of one output frame


def waves(lead: Any, model: Any) -> list[tuple[str, float, float]]:
    """Return name, onset and offset in seconds of the waves of one lead of any length."""
    beyond = max(len(lead) - WINDOW_SAMPLES, 0)
    last = -(-beyond // PATCH_SAMPLES) * PATCH_SAMPLES
    starts = sorted({*range(0, last, STEP_SAMPLES), last})
    logits = np.zeros((-(-len(lead) // PATCH_SAMPLES), 4), np.float32)
    for start in starts:
        window = lead[start : start + WINDOW_SAMPLES]
        window = np.pad(window, (0, WINDOW_SAMPLES - len(window)))
        frames = model.forward_window(window)
        skip = 0 if start == 0 else EDGE_SAMPLES // PATCH_SAMPLES
        end = min(len(logits), start // PATCH_SAMPLES + len(frames))
        logits[start // PATCH_SAMPLES + skip : end] = frames[skip : end - start // PATCH_SAMPLES]
    return [
        (wave.name, (start + wave.start) / TARGET_FS, (start + wave.end) / TARGET_FS)
        for start, wave in _decoded(logits)
    ]


def _decoded(logits: Any) -> Iterator[tuple[int, Any]]:
    """Decode the joined frames as the package decodes a window of them."""
    n = WINDOW_SAMPLES // PATCH_SAMPLES
    if len(logits) == n:
        yield from ((0, wave) for wave in logits_to_boundaries(logits))
        return
    classes = logits.argmax(axis=1)
    # Cut at frames without a wave, so that no wave is split between two calls.
    begin = 0
    while begin < len(classes):
        end = min(begin + n, len(classes))
        if end < len(classes):
            empty = np.flatnonzero(classes[begin:end] == 0)
            end = begin + int(empty[-1]) + 1 if len(empty) else end
        part = np.full((n, 4), [1.0, 0.0, 0.0, 0.0], np.float32)
        part[: end - begin] = logits[begin:end]
        yield from ((begin * PATCH_SAMPLES, wave) for wave in logits_to_boundaries(part))
        begin = end


def main() -> None:
    """Delineate one file of leads per line of standard input, until it ends."""
    model = Inference(num_threads=1)
    print("ready", flush=True)
    for line in sys.stdin:
        leads = np.load(line.rstrip("\n"))
        print(json.dumps([waves(lead, model) for lead in leads]), flush=True)


if __name__ == "__main__":
    main()
