"""p(income | all other columns) of Adult's test rows, by models that were not trained as classifiers."""

import numpy as np

from tables import protocol
from tables.outside import read

FAMILIES = {"Deep NADE": "deepnade", "MADE": "made"}  # income is last in MADE's order, the table's


def run(options):
    """Measure the AUC and the log loss of each model."""
    results = protocol.Results(options, "adult")
    _, test = protocol.adult(options)
    for name, family in FAMILIES.items():
        command = protocol.command_of(options, family)

        def measured(command=command):
            return measure(protocol.model_of(protocol.trained(options, command)), read(test))

        settings = {"command": command, "rows": options.rows}
        results.part(["conditions", name], settings, measured, f"conditions: AUC of income given the rest by {name}")


def measure(model, test):
    """AUC, log loss in nats and accuracy of the probability that the model gives the positive class."""
    positive = test[protocol.TARGET] == protocol.POSITIVE
    log_positive = model.conditional_log_prob(test.assign(**{protocol.TARGET: protocol.POSITIVE}), columns=[protocol.TARGET])
    log_prob = model.conditional_log_prob(test, columns=[protocol.TARGET])
    return {
        "auc": protocol.auc(positive, log_positive),
        "log_loss": float(-log_prob.mean()),
        "accuracy": float(np.mean(log_prob > np.log(0.5))),
    }
