"""table - one line a figure, for people."""

WIDTHS = (38, 14, 22, 7, 26, 2)
NAMES = ('', 'measured', 'beside', 'ratio', 'goal', '')


def columns(cells):
    return ' '.join(str(c).ljust(w) for c, w in zip(cells, WIDTHS)).rstrip()


def heading(machine, size):
    return (f"{machine['cpus']} CPUs {machine['cpu']}, {machine['kernel']}, "
            f"{machine['commit']}; medians of {size.rounds} rounds"
            f"{f', a {size.share}th of the work' if size.share > 1 else ''}\n\n"
            + columns(NAMES) + '\n' + '-' * (sum(WIDTHS) + 5))


def figure(value, unit):
    if value is None:
        return ''
    if unit == '/s' or value >= 1000:
        return f'{value:,.0f} {unit}'.replace(' /s', '/s')
    return f'{value:.3g} {unit}'


def line(r):
    beside = figure(r.baseline, r.unit)
    if r.baseline is not None:
        beside += f' {r.beside}'
    ratio = '' if r.ratio is None else f'{r.ratio:.2f}'
    sign = {True: '✓', False: '✗', None: ''}[r.ok]
    text = columns((r.what, figure(r.measured, r.unit), beside, ratio, r.goal,
                    sign))
    return '\n'.join([text] + [f'    {note}' for note in r.notes])


def warnings(meanwhile):
    """Why figures of such a row say little."""
    if meanwhile.share > 0.1:
        yield f'others took {meanwhile.share:.0%} of the machine meanwhile'
    if meanwhile.disk_ms > 50:
        yield (f'the disk took up to {meanwhile.disk_ms:.0f} ms for a write of '
               '8 KiB')
