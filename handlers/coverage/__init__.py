"""Figures of coverage: reading them, the households behind them, series and comparisons, members."""

from sanic import Blueprint

from handlers.coverage import definitions, drilling, figures, members, series

blueprint = Blueprint.group(
    figures.blueprint, series.blueprint, members.blueprint, definitions.blueprint, drilling.blueprint
)
