"""What each operator costs, and the fewest that must stay in fp32: reports and budgets."""

__all__: list[str] = []
