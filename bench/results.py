"""The samples of a run, as they are kept in a file, and what follows from them."""

import json

from figures import interval, median, width
from scenarios import GOALS, RATE

NOISY = 0.06
MET, NOT_MET, TOO_NOISY = "met", "**not met**", "too noisy"


class Results:
    """`rounds`: of each scenario a list of rounds, each of which has a sample for each server that
    was in it."""

    def __init__(self, about, rounds=None, rates=None):
        self.about, self.rounds, self.rates = about, rounds or {}, rates or {}

    @classmethod
    def read(cls, path):
        with open(path) as file:
            kept = json.load(file)
        return cls(kept["about"], kept["rounds"], kept["rates"])

    def write(self, path):
        with open(path, "w") as file:
            json.dump({"about": self.about, "rates": self.rates, "rounds": self.rounds}, file,
                      indent=1)

    def add(self, scenario, samples):
        self.rounds.setdefault(scenario, []).append(samples)

    def servers(self, scenario):
        """Those of which there is a sample."""
        names = {}
        for samples in self.rounds.get(scenario, []):
            names.update(dict.fromkeys(samples))
        return list(names)

    def values(self, scenario, server, *keys):
        found = []
        for samples in self.rounds.get(scenario, []):
            value = samples.get(server)
            for key in keys:
                value = value.get(key) if value is not None else None
            if value is not None:
                found.append(value)
        return found

    def median(self, scenario, server, *keys):
        values = self.values(scenario, server, *keys)
        return median(values) if values else None

    def ratios(self, scenario, server, other, measure=RATE):
        return [samples[server][measure] / samples[other][measure]
                for samples in self.rounds.get(scenario, [])
                if server in samples and other in samples]

    def best(self, scenario, others, measure=RATE):
        """Of several, the one with the highest median; None without any."""
        present = [other for other in others if self.values(scenario, other, measure)]
        return max(present, key=lambda other: self.median(scenario, other, measure), default=None)


class Outcome:
    """What has come of a goal: the values, one for each round, and how sure they are."""

    def __init__(self, goal, results):
        self.goal = goal
        self.other = results.best(goal.scenario, goal.others, goal.measure)
        if goal.against is None:
            self.values = results.values(goal.scenario, goal.server, goal.measure)
        elif self.other is not None:
            self.values = results.ratios(goal.scenario, goal.server, self.other, goal.measure)
        else:
            self.values = []
        if self.values:
            self.median, (self.low, self.high) = median(self.values), interval(self.values)

    @property
    def lower_is_better(self):
        return self.goal.measure != RATE

    def _reaches(self, value, bound):
        return value <= bound if self.lower_is_better else value >= bound

    def verdict(self, bound):
        """Met when the better end of the interval reaches it. One that is wide says nothing,
        unless all of it lies on one side."""
        best, worst = (self.low, self.high) if self.lower_is_better else (self.high, self.low)
        if not self._reaches(best, bound):
            return NOT_MET
        if width(self.values) > NOISY and not self._reaches(worst, bound):
            return TOO_NOISY
        return MET

    def is_settled(self):
        """More rounds would say no more."""
        return (self.goal.must is None or not self.values or width(self.values) <= NOISY
                or self.verdict(self.goal.must) == MET and width(self.values) <= 2 * NOISY
                or self.goal.against is None and self.verdict(self.goal.must) != TOO_NOISY)


def outcomes(results):
    """Of all goals of which there are samples."""
    found = [Outcome(goal, results) for goal in GOALS]
    return [outcome for outcome in found if outcome.values]


def failures(results):
    return [outcome for outcome in outcomes(results)
            if outcome.goal.must is not None and outcome.verdict(outcome.goal.must) != MET]
