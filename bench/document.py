"""The results as tables in Markdown, and their place in docs/performance.md."""

import os
import re

import plot
from figures import interval, median, spread, width
from peers import ROOT
from results import outcomes
from scenarios import PAGE_TABLES, RATE, SCENARIOS, START, USER
from servers import SERVERS

PAGE = os.path.join(ROOT, "docs", "performance.md")
PLOT = os.path.join(ROOT, "docs", "performance.svg")
_UNITS = {USER: " KiB", PAGE_TABLES: " KiB", START: " ms"}
_WHAT = {USER: "user memory of each", PAGE_TABLES: "page tables of each", START: "time"}
# What the others of a scenario are compared to: the first of these that is in it.
_REFERENCES = ("hand-thread", "hand-recvfrom", "hand-sync")


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines) + "\n"


def _bound(value, unit):
    return "" if value is None else f"{value:g}{unit}"


def _goal_row(outcome):
    goal = outcome.goal
    unit = _UNITS.get(goal.measure, "") if goal.against is None else ""
    against = SERVERS[outcome.other].title if outcome.other else _WHAT[goal.measure]
    if len(goal.others) > 1:
        against = f"best thread peer: {against}"
    verdict = outcome.verdict(goal.must if goal.must is not None else goal.aim)
    aimed = "" if goal.aim is None else outcome.verdict(goal.aim).replace("*", "")
    return [_titles[goal.scenario], SERVERS[goal.server].title, against,
            f"{outcome.median:.3g}{unit}", f"{outcome.low:.3g} to {outcome.high:.3g}",
            f"{100 * width(outcome.values):.0f} %", len(outcome.values),
            _bound(goal.must, unit), verdict if goal.must is not None else "",
            _bound(goal.aim, unit), aimed]


_titles = {scenario.name: scenario.title for scenario in SCENARIOS}


def goals(results):
    rows = [_goal_row(outcome) for outcome in outcomes(results)]
    if not rows:
        return ""
    return "### Goals\n\n" + _table(
        ["Scenario", "Server", "Against", "Ratio", "95 % interval", "Its width", "Rounds", "Must",
         "", "Aim", ""], rows)


def _reference(results, scenario):
    there = results.servers(scenario.name)
    return next((name for name in _REFERENCES if name in there), None)


def _ratio(results, scenario, server, reference):
    ratios = results.ratios(scenario.name, server, reference) if reference else []
    if not ratios or server == reference:
        return "1" if ratios else ""
    low, high = interval(ratios)
    return f"{median(ratios):.2f} ({low:.2f} to {high:.2f})"


def _microseconds(value):
    return "" if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def _rate_row(results, scenario, server, reference):
    latency = [results.median(scenario.name, server, "latency_us", p)
               for p in ("p50", "p99", "p99.9")]
    rates = results.values(scenario.name, server, RATE)
    speed = (f"{results.median(scenario.name, server, 'mib'):,.0f} MiB/s"
             if scenario.load[0] == "bulk" else f"{median(rates):,.0f}")
    return [SERVERS[server].title, speed, f"{100 * spread(rates):.0f} %",
            _ratio(results, scenario, server, reference), *map(_microseconds, latency),
            _microseconds(results.median(scenario.name, server, "cpu_us"))]


def _rate_table(results, scenario):
    reference = _reference(results, scenario)
    rows = [_rate_row(results, scenario, server, reference)
            for server in _in_order(results, scenario)]
    return _table(["Server", "A second", "Spread", "Ratio", "p50 µs", "p99", "p99.9",
                   "Server's CPU µs each"], rows)


def _in_order(results, scenario):
    there = results.servers(scenario.name)
    return [server for server in scenario.servers if server in there]


def _memory_table(results, scenario):
    rows = [[SERVERS[server].title, *(f"{results.median(scenario.name, server, measure):.1f}"
                                      for measure in (USER, PAGE_TABLES))]
            for server in _in_order(results, scenario)]
    return _table(["Server", "User KiB each", "Page tables KiB each"], rows)


def _start_table(results, scenario):
    rows = [[SERVERS[server].title, f"{results.median(scenario.name, server, START):.2f}"]
            for server in _in_order(results, scenario)]
    return _table(["Server", "ms"], rows)


def _section(results, scenario):
    make = {USER: _memory_table, START: _start_table}.get(scenario.measure, _rate_table)
    rate = results.rates.get(scenario.name)
    title = f"{scenario.title}: {rate:,} a second" if rate else scenario.title
    return f"### {title}\n\n" + make(results, scenario)


def _about(results):
    about = results.about
    return (f"`{about['command']}` on {about['date']}: {about['machine']}; {about['kernel']}; "
            f"{about['compilers']}.\n\n")


def text(results):
    sections = [_section(results, scenario) for scenario in SCENARIOS
                if results.servers(scenario.name)]
    return _about(results) + goals(results) + "".join(sections)


def compare(one, other):
    """The goals of two runs, side by side."""
    others = {id(outcome.goal): outcome for outcome in outcomes(other)}
    rows = []
    for outcome in outcomes(one):
        second = others.get(id(outcome.goal))
        if second:
            rows.append(_goal_row(outcome)[:4] + [f"{second.median:.3g}",
                        f"{100 * (second.median / outcome.median - 1):+.1f} %"])
    return _table(["Scenario", "Server", "Against", "First", "Second", "Difference"], rows)


def _replace(page, name, new):
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    replaced, count = re.subn(pattern, lambda m: m[1] + new + m[2], page, flags=re.DOTALL)
    assert count == 1, f"docs/performance.md has no place for {name}"
    return replaced


def write(results):
    with open(PAGE) as file:
        page = file.read()
    with open(PAGE, "w") as file:
        file.write(_replace(page, "results", "\n" + text(results)))
    with open(PLOT, "w") as file:
        file.write(plot.draw(results))
