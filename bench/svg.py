"""Curves as an SVG that a page can show: one small chart for each, all against the same logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, CHART, LEFT, RIGHT, TOP = 760, 96, 330, 110, 54
INK, LINE, GRID = "#1f2933", "#0b6e4f", "#d5dbe1"


def curves(title: str, axis: str, found: Mapping[str, Sequence[tuple[float, float]]], note: str) -> str:
    """An SVG of named curves of (amount, value); each chart begins at zero, so that flat looks flat."""
    amounts = [amount for points in found.values() for amount, _ in points]
    low, high = math.log10(min(amounts)), math.log10(max(amounts))
    height = TOP + CHART * len(found) + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/><title>{escape(title)}</title>',
        f'<text x="16" y="28" font-size="17" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, points) in enumerate(found.items()):
        parts += _chart(name, points, TOP + CHART * number, low, max(high - low, 1e-9))
    parts += [
        f'<text x="{LEFT}" y="{height - 26}" font-size="12">{escape(axis)} (logarithmic)</text>',
        f'<text x="16" y="{height - 8}" font-size="11" fill="#52606d">{escape(note)}</text>',
        "</svg>\n",
    ]
    return "\n".join(parts)


def _chart(name: str, points: Sequence[tuple[float, float]], top: float, low: float, span: float) -> list[str]:
    base, room = top + CHART - 30, CHART - 52
    most = max(value for _, value in points) or 1.0
    places = [
        (LEFT + (math.log10(amount) - low) / span * (WIDTH - LEFT - RIGHT), base - value / most * room, amount, value)
        for amount, value in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in places)
    ratio = points[-1][1] / points[0][1] if points[0][1] else float("nan")
    parts = [
        f'<text x="16" y="{base - room / 2:.1f}" font-size="13">{escape(name)}</text>',
        f'<text x="{WIDTH - RIGHT + 28}" y="{base - room / 2:.1f}" font-size="13" font-weight="bold">× {ratio:.2f}</text>',
        f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="{GRID}"/>',
        f'<polyline points="{path}" fill="none" stroke="{LINE}" stroke-width="2"/>',
    ]
    for x, y, amount, value in places:
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{LINE}"/>',
            f'<text x="{x:.1f}" y="{y - 8:.1f}" font-size="11" text-anchor="middle">{_number(value)}</text>',
            f'<text x="{x:.1f}" y="{base + 15}" font-size="11" text-anchor="middle">{_short(amount)}</text>',
        ]
    return parts


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _short(amount: float) -> str:
    return f"{amount / 1e6:g} M" if amount >= 1e6 else f"{amount / 1e3:g} k"
