"""A bar chart as SVG: one row a name, a whisker for the spread."""

from __future__ import annotations

from pathlib import Path

_LEFT, _WIDTH, _ROW, _BAR = 150, 360, 28, 16  # pixels


def draw(path: Path, title: str, rows: dict[str, tuple[float, float]]) -> None:
    """Writes a chart of shares in [0, 1]: name -> mean and standard deviation."""
    height = _ROW * (len(rows) + 1) + 10
    parts = [_text(10, 20, title, weight="bold")]
    for number, (name, (mean, spread)) in enumerate(rows.items(), start=1):
        top = number * _ROW + 6
        low, high = (_LEFT + _WIDTH * min(max(mean + sign * spread, 0), 1) for sign in (-1, 1))
        middle = top + _BAR / 2
        parts += [
            _text(10, top + 13, name),
            f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH * mean:.1f}" height="{_BAR}" fill="#4a7ab5"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#1c2b40" stroke-width="2"/>',
            _text(high + 8, top + 13, f"{mean:.3f}"),
        ]
    size = f'width="{_LEFT + _WIDTH + 70}" height="{height}"'
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{chr(10).join(parts)}\n</svg>\n'
    )


def _text(x: float, y: float, content: str, weight: str = "normal") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" font-weight="{weight}">{content}</text>'
