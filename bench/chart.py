"""chart - lines over time as SVG, for documents: no script, no font of its own,
and colours for a light and for a dark page."""

import html
import math

WIDTH, LEFT, RIGHT = 760, 56, 16
TOP, PANEL, GAP, BOTTOM = 34, 150, 58, 40
COLOURS = (('#0b62c4', '#6cb0ff'), ('#b34700', '#ff9d57'),
           ('#177245', '#5fd39a'), ('#8033a8', '#d294f5'),
           ('#00707a', '#4fd0dc'))
STYLE = '''
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600 }
.grid { stroke: #8884 } .axis { stroke: #888 }
.mark { fill: #8882 }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round }
'''


def style():
    light = ''.join(f'.c{i} {{ stroke: {c[0]} }} .t{i} {{ fill: {c[0]} }}\n'
                    for i, c in enumerate(COLOURS))
    dark = ''.join(f'.c{i} {{ stroke: {c[1]} }} .t{i} {{ fill: {c[1]} }}\n'
                   for i, c in enumerate(COLOURS))
    return (STYLE + light + '@media (prefers-color-scheme: dark) {\n'
            'text { fill: #ddd }\n' + dark + '}\n')


def step_of(most):
    """About four steps that people count in."""
    if most <= 0:
        return 1
    rough = most / 4
    unit = 10 ** math.floor(math.log10(rough))
    return next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= rough)


class Panel:
    """lines: [(name, [(x, y), ...])]; colour: that of the first one."""

    def __init__(self, title, lines, colour=0):
        self.title, self.lines, self.colour = title, lines, colour
        self.most = max((y for _, line in lines for _, y in line), default=0)

    def draw(self, top, x_of, width):
        step = step_of(self.most)
        steps = max(1, math.ceil(self.most / step))
        bottom = top + PANEL

        def y_of(y):
            return bottom - PANEL * y / (step * steps)

        out = [f'<text class="title" x="{LEFT}" y="{top - 12}">'
               f'{html.escape(self.title)}</text>']
        for i in range(steps + 1):
            y = y_of(i * step)
            out.append(f'<line class="{"grid" if i else "axis"}" x1="{LEFT}" '
                       f'x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
                       f'<text x="{LEFT - 8}" y="{y + 4:.1f}" '
                       f'text-anchor="end">{i * step:g}</text>')
        for i, (_, line) in enumerate(self.lines, self.colour):
            points = ' '.join(f'{x_of(x):.1f},{y_of(y):.1f}' for x, y in line)
            out.append(f'<polyline class="line c{i}" points="{points}"/>')
        at = width - RIGHT
        for i, (name, _) in reversed(
                list(enumerate(self.lines, self.colour))):
            out.append(f'<text class="t{i}" x="{at}" y="{top - 12}" '
                       f'text-anchor="end">{html.escape(name)}</text>')
            at -= 7 * len(name) + 16
        return out


def draw(panels, seconds, marks):
    """marks: [(from, to, what)], shaded through all panels."""
    height = TOP + len(panels) * (PANEL + GAP) - GAP + BOTTOM

    def x_of(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * x / seconds

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
           f'<style>{style()}</style>']
    for n, panel in enumerate(panels):
        top = TOP + n * (PANEL + GAP)
        for since, until, what in marks:
            out.append(f'<rect class="mark" x="{x_of(since):.1f}" y="{top}" '
                       f'width="{x_of(until) - x_of(since):.1f}" '
                       f'height="{PANEL}"/>')
            if n == 0:
                out.append(f'<text x="{x_of(since) + 6:.1f}" y="{top + PANEL - 8}">'
                           f'{html.escape(what)}</text>')
        out += panel.draw(top, x_of, WIDTH)
    step = step_of(seconds / 2)
    for i in range(int(seconds / step) + 1):
        out.append(f'<text x="{x_of(i * step):.1f}" y="{height - 22}" '
                   f'text-anchor="middle">{i * step:g} s</text>')
    return '\n'.join(out + ['</svg>', ''])
