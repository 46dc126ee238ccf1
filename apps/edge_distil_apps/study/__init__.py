"""The paper's on-device study, on this device: what is measured, and how it is reported."""

__all__: list[str] = []
