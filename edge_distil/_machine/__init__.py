"""What is under the runtime: the interpreter, the kernel's pages, versions of packages."""

__all__: list[str] = []
