"""An update graph of the size of OpenShift's whole one, the same in each run."""

import json
import random


def generate(path, releases=1_100, edges=20_000):
    """Writes a reply of the update service. Gives how many edges are unconditional and conditional, the lowest release, one that
    is reached without a condition, and one that is not."""
    chance = random.Random(4)
    minors = 20
    versions = [(minor, patch) for minor in range(minors) for patch in range(releases // minors)]
    names = [f"4.{minor}.{patch}" for minor, patch in versions]
    nodes = [{"version": name, "payload": f"quay.io/openshift-release-dev/ocp-release@sha256:{number:064x}"}
             for number, name in enumerate(names)]
    # A release is offered from the lower ones of its minor, and from those of the minor before it that are no newer.
    offered = [(low, high) for low, (minor, patch) in enumerate(versions) for high, (other, later) in enumerate(versions)
               if (other == minor and later > patch) or (other == minor + 1 and later >= patch)]
    offered = sorted(chance.sample(offered, edges))
    risks = [{"name": f"Risk{number}", "url": f"https://risk.example/{number}", "message": "Some clusters fail.",
              "matchingRules": [{"type": "PromQL", "promql": {"promql": f"group(metric_{number})"}}]} for number in range(60)]
    safe, groups = [], {}
    for low, high in offered:
        # Half of the edges are conditional; all that enter one release share its risks.
        if high != len(names) - 1 and chance.random() < 0.5:
            safe.append([low, high])
        else:
            groups.setdefault(high, []).append({"from": names[low], "to": names[high]})
    conditional = [{"edges": group, "risks": chance.sample(risks, chance.randint(1, 6))} for group in groups.values()]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"version": 1, "nodes": nodes, "edges": safe, "conditionalEdges": conditional}, file)
    return len(safe), edges - len(safe), names[0], names[-2], names[-1]
