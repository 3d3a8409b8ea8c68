"""Which module reads which cohort. A reader is a module with ``scan_cohort(settings) -> Scan``."""

from types import ModuleType

from pedecg.cohorts import cinc2017, manifest, ptbxl, public_cohort, public_description, zzu

READERS: dict[str, ModuleType] = {
    "simulated": zzu,  # the simulator writes the exact layout of ZZU-pECG
    "zzu": zzu,
    "ptbxl": ptbxl,
    "cinc2017": cinc2017,
    "simulated_cinc2017": cinc2017,
    "manifest": manifest,
    "simulated_manifest": manifest,
    **dict.fromkeys(public_description.names(), public_cohort),
}
