"""The small hospital, made once for all tests of learning."""

from pathlib import Path

import pytest
import small_hospital

from pedecg.models.contract import Rows


@pytest.fixture(scope="session")
def hospital(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hospital")
    small_hospital.build(folder)
    return folder


@pytest.fixture(scope="session")
def data(hospital) -> Rows:
    return small_hospital.load(hospital)
