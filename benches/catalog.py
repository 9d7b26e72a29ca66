"""A catalog of many megabytes on the pattern of the real ones, the same in each run."""

import gzip
import hashlib
import io
import json
import os
import random
import tarfile

WORDS = "the operator manages cluster storage network policy of nodes and pods with a custom resource for each tenant".split()


def generate(folder, megabytes):
    """Writes `<package>/catalog.json` until there are so many megabytes. Gives (packages, bundles, bytes)."""
    chance = random.Random(20)
    packages = bundles = size = 0
    while size < megabytes * 1_000_000:
        objects = package(f"operator-{packages:03}", chance)
        text = "\n".join(json.dumps(item, indent=4) for item in objects) + "\n"
        os.makedirs(os.path.join(folder, f"operator-{packages:03}"))
        with open(os.path.join(folder, f"operator-{packages:03}", "catalog.json"), "w", encoding="utf-8") as file:
            file.write(text)
        packages, size = packages + 1, size + len(text)
        bundles += sum(item["schema"] == "olm.bundle" for item in objects)
    return packages, bundles, size


def image(folder, layout):
    """Puts the catalog into a catalog image: an OCI layout, one layer, tag `v1`."""
    blobs = os.path.join(layout, "blobs", "sha256")
    os.makedirs(blobs)

    def blob(content, media_type):
        digest = hashlib.sha256(content).hexdigest()
        with open(os.path.join(blobs, digest), "wb") as file:
            file.write(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as layer:
        layer.add(folder, "configs", filter=lambda entry: entry.replace(mtime=0, uid=0, gid=0, uname="", gname="", deep=False))
    plain = plain.getvalue()
    config = {"os": "linux", "architecture": "amd64",
              "config": {"Labels": {"operators.operatorframework.io.index.configs.v1": "/configs"}},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]}}
    oci = "application/vnd.oci.image"
    manifest = {"schemaVersion": 2, "mediaType": f"{oci}.manifest.v1+json",
                "config": blob(json.dumps(config).encode(), f"{oci}.config.v1+json"),
                "layers": [blob(gzip.compress(plain, 6, mtime=0), f"{oci}.layer.v1.tar+gzip")]}
    entry = blob(json.dumps(manifest).encode(), f"{oci}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    for name, content in (("index.json", {"schemaVersion": 2, "manifests": [entry]}), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(os.path.join(layout, name), "w", encoding="utf-8") as file:
            json.dump(content, file)


def package(name, chance):
    """Five minor versions of five patches each; a channel for each minor version, and `stable` over all of them."""
    versions = [f"1.{minor}.{patch}" for minor in range(5) for patch in range(5)]
    names = {version: f"{name}.v{version}" for version in versions}
    channels = [(f"stable-1.{minor}", [v for v in versions if v.startswith(f"1.{minor}.")]) for minor in range(5)]
    objects = [{"schema": "olm.package", "name": name, "defaultChannel": "stable", "description": prose(chance, 60),
                "icon": {"base64data": icon(chance, 6000), "mediatype": "image/svg+xml"}}]
    for channel, members in [*channels, ("stable", versions)]:
        entries = []
        for position, version in enumerate(members):
            entry = {"name": names[version]}
            if position:
                entry["replaces"] = names[members[position - 1]]
            if position == len(members) - 1:
                # The head also takes over from all that came before.
                entry["skips"] = [names[older] for older in members[:-2]]
                entry["skipRange"] = f">={members[0]} <{version}"
            entries.append(entry)
        objects.append({"schema": "olm.channel", "name": channel, "package": name, "entries": entries})
    return objects + [bundle(name, version, names[version], chance) for version in versions]


def bundle(package_name, version, name, chance):
    images = [f"registry.example/{package_name}/part-{part}@sha256:{chance.getrandbits(256):064x}" for part in range(6)]
    kinds = [f"Thing{number}" for number in range(3)]
    group = f"{package_name}.example"
    examples = [{"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": f"example-{kind.lower()}"},
                 "spec": {f"field{n}": prose(chance, 4) for n in range(8)}} for kind in kinds]
    described = [{"name": f"{kind.lower()}s.{group}", "version": "v1", "kind": kind, "displayName": kind,
                  "description": prose(chance, 80),
                  "specDescriptors": [{"path": f"field{n}", "displayName": f"Field {n}", "description": prose(chance, 12)}
                                      for n in range(8)]} for kind in kinds]
    metadata = {
        "annotations": {"alm-examples": json.dumps(examples, indent=2), "capabilities": "Seamless Upgrades",
                        "categories": "Storage", "containerImage": images[0], "createdAt": "2026-01-01T00:00:00Z",
                        "operators.openshift.io/valid-subscription": '["OpenShift Platform Plus"]',
                        **{f"features.operators.openshift.io/{feature}": "false"
                           for feature in ("cnf", "cni", "csi", "disconnected", "fips-compliant", "proxy-aware")}},
        "apiServiceDefinitions": {},
        "crdDescriptions": {"owned": described},
        "description": prose(chance, 400),
        "displayName": package_name,
        "installModes": [{"type": mode, "supported": mode == "AllNamespaces"}
                         for mode in ("OwnNamespace", "SingleNamespace", "MultiNamespace", "AllNamespaces")],
        "keywords": ["storage", "cluster"],
        "labels": {f"operatorframework.io/arch.{arch}": "supported" for arch in ("amd64", "arm64", "ppc64le", "s390x")},
        "links": [{"name": "Documentation", "url": "https://docs.example"}],
        "maintainers": [{"name": "A team", "email": "team@example.com"}],
        "maturity": "stable", "minKubeVersion": "1.28.0", "provider": {"name": "Example"},
    }
    properties = [{"type": "olm.gvk", "value": {"group": group, "kind": kind, "version": "v1"}} for kind in kinds]
    properties.append({"type": "olm.package", "value": {"packageName": package_name, "version": version}})
    properties.append({"type": "olm.csv.metadata", "value": metadata})
    return {"schema": "olm.bundle", "name": name, "package": package_name, "image": images[-1], "properties": properties,
            "relatedImages": [{"name": f"part-{part}" if part < 5 else "", "image": image}
                              for part, image in enumerate(images)]}


def prose(chance, words):
    return " ".join(chance.choice(WORDS) for _ in range(words))


def icon(chance, size):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(chance.choice(letters) for _ in range(size // 4 * 4))
