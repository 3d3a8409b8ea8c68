"""Metrics of the service in Prometheus' text format."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

# Seconds; the shortest prediction takes about 0.1 s.
_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0)
_TENTHS = tuple(k / 10 for k in range(1, 11))  # of a probability
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class ServiceMetrics:
    """Counters and histograms; no label holds anything that a client sent."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self.requests = Counter(
            "pedecg_requests", "Answered requests", ["route", "method", "status"], registry=registry
        )
        self.seconds = Histogram(
            "pedecg_request_seconds", "Time from the head of a request to its answer",
            ["route"], buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.refused = Counter("pedecg_refused", "Refused requests", ["reason"], registry=registry)
        self.ecgs = Counter("pedecg_ecgs", "ECGs that were answered", registry=registry)
        self.flagged = Counter(
            "pedecg_ecgs_flagged", "of them with at least one flag", registry=registry
        )
        self.probability = Histogram(
            "pedecg_probability",
            "Calibrated probabilities",
            ["target"],
            buckets=_TENTHS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "pedecg_in_flight", "Predictions that run or wait", registry=registry
        )
        self.workers_ready = Gauge(
            "pedecg_workers_ready", "Workers with a loaded model", registry=registry
        )
        self.restarts = Gauge(
            "pedecg_worker_restarts", "Workers that had to be restarted", registry=registry
        )
        self.drift_evidence = Gauge(
            "pedecg_drift_evidence", "Evidence against no drift; an alarm from 1 on",
            ["quantity"], registry=registry,
        )  # fmt: skip
        self.drift_alarm = Gauge(
            "pedecg_drift_alarm", "1: a drift alarm", ["quantity"], registry=registry
        )

    def text(self) -> bytes:
        """Return all of them."""
        return generate_latest(self._registry)
