"""What the tests of resolutions share."""

from resolutions.tests.locking import patient_recordings

__all__ = ["patient_recordings"]
