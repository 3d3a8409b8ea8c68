"""One small trained network for all tests of explanations."""

import planted
import pytest
import torch


@pytest.fixture(scope="session")
def network() -> torch.nn.Module:
    return planted.train()
