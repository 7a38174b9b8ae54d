"""The requests a second of each server, as bars in an SVG that reads on light and dark."""

from xml.sax.saxutils import escape

from figures import interval, median
from scenarios import RATE, SCENARIOS
from servers import BY_HAND, OURS, SERVERS

PANELS = ("echo-64-cpu", "churn-64-cpu", "churn-64", "unix-churn-64-cpu", "udp-64-cpu")
WIDTH, LEFT, RIGHT = 860, 270, 110
ROW, BAR, TITLE, GAP = 22, 14, 30, 16

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.ours { fill: #0969da; } .hand { fill: #8c959f; } .peer { fill: #c4a15a; }
.interval { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.ours { fill: #58a6ff; } .hand { fill: #7d8590; } .peer { fill: #b08d3c; }
.interval { stroke: #e6edf3; }
}
"""


def _class_of(server):
    return {OURS: "ours", BY_HAND: "hand"}.get(SERVERS[server].group, "peer")


def _bar(results, scenario, server, y, scale):
    values = results.values(scenario.name, server, RATE)
    low, high = (LEFT + scale * value for value in interval(values))
    end, middle = LEFT + scale * median(values), y + BAR / 2
    return (f'<text x="{LEFT - 8}" y="{y + BAR - 2}" text-anchor="end">'
            f"{escape(SERVERS[server].title)}</text>\n"
            f'<rect class="{_class_of(server)}" x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" '
            f'height="{BAR}"/>\n'
            f'<line class="interval" x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"/>\n'
            f'<text x="{max(end, high) + 8:.1f}" y="{y + BAR - 2}">{median(values):,.0f}</text>\n')


def _panel(results, scenario, y):
    """The drawing, and where the next one begins."""
    medians = {server: results.median(scenario.name, server, RATE)
               for server in results.servers(scenario.name)}
    scale = (WIDTH - LEFT - RIGHT) / max(medians.values())
    title = f"{escape(scenario.title)}, a second"
    drawn = f'<text class="title" x="{LEFT}" y="{y + 18}">{title}</text>\n'
    y += TITLE
    for server in sorted(medians, key=medians.get, reverse=True):
        drawn += _bar(results, scenario, server, y, scale)
        y += ROW
    return drawn, y + GAP


def draw(results):
    drawn, y = "", 0
    for scenario in SCENARIOS:
        if scenario.name in PANELS and results.servers(scenario.name):
            panel, y = _panel(results, scenario, y)
            drawn += panel
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" '
            f'height="{y}" role="img" aria-label="Requests a second of each server">\n'
            f"<style>{STYLE}</style>\n{drawn}</svg>\n")
