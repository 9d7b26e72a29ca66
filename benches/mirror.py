"""A registry that holds all that a catalog with tens of thousands of references offers, laid straight into its storage folder."""

import gzip
import hashlib
import io
import json
import os
import tarfile

import world

REPOSITORIES = 200
RELATED = 49  # images of a bundle besides its own
VERSIONS = 20  # bundles of a package
CATALOG = "team/index"
TAG = "v4.20"


class Mirror:
    """Images of a few bytes: what counts is how many there are."""

    def __init__(self, storage, references):
        self.root = os.path.join(storage, "docker", "registry", "v2")
        self.images = 0
        config = self.blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                                       "rootfs": {"type": "layers", "diff_ids": [layer_of([])[1]]}}).encode())
        self.common = config, self.blob(layer_of([])[0])
        bundles = references // (RELATED + 1)
        self.bundles = [self.bundle(number) for number in range(bundles)]
        self.catalog()

    def __str__(self):
        return f"{self.images} references in {REPOSITORIES} repositories, {len(self.bundles)} bundles"

    def write(self, path, content):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def blob(self, content):
        digest = hashlib.sha256(content).hexdigest()
        self.write(f"blobs/sha256/{digest[:2]}/{digest}/data", content)
        return digest, len(content)

    def image(self, repository, config, layer, tags=(), **more):
        """An image with its blobs and tags, the tag that keeps it among them. Gives its digest."""
        described = lambda kind, blob: {"mediaType": kind, "digest": f"sha256:{blob[0]}", "size": blob[1]}
        manifest = {"schemaVersion": 2, "mediaType": world.MANIFEST, "config": described(world.CONFIG, config),
                    "layers": [described(world.LAYER, layer)], **more}
        digest, _ = self.blob(json.dumps(manifest).encode())
        link = f"sha256:{digest}".encode()
        place = f"repositories/{repository}"
        self.write(f"{place}/_manifests/revisions/sha256/{digest}/link", link)
        for tag in (f"sha256-{digest}", *tags):
            self.write(f"{place}/_manifests/tags/{tag}/current/link", link)
            self.write(f"{place}/_manifests/tags/{tag}/index/sha256/{digest}/link", link)
        for blob, _ in (config, layer):
            self.write(f"{place}/_layers/sha256/{blob}/link", f"sha256:{blob}".encode())
        return f"sha256:{digest}"

    def reference(self):
        """One more image, and how a catalog names it."""
        number, self.images = self.images, self.images + 1
        name = f"team/r{number % REPOSITORIES}"
        return f"quay.io/{name}@{self.image(name, *self.common, annotations={'number': str(number)})}"

    def bundle(self, number):
        package, version = f"p{number // VERSIONS}", f"1.{number % VERSIONS}.0"
        name = lambda version: f"{package}.v{version}"
        entry = {"name": name(version)}
        if number % VERSIONS:
            entry["replaces"] = name(f"1.{number % VERSIONS - 1}.0")
        related = [{"name": f"i{image}", "image": self.reference()} for image in range(RELATED)]
        return package, entry, {
            "schema": "olm.bundle", "package": package, "name": name(version), "image": self.reference(), "relatedImages": related,
            "properties": [{"type": "olm.package", "value": {"packageName": package, "version": version}}]}

    def catalog(self):
        packages = {}
        for package, entry, bundle in self.bundles:
            entries, bundles = packages.setdefault(package, ([], []))
            entries.append(entry)
            bundles.append(bundle)
        files = []
        for package, (entries, bundles) in packages.items():
            objects = [{"schema": "olm.package", "name": package, "defaultChannel": "stable"},
                       {"schema": "olm.channel", "package": package, "name": "stable", "entries": entries}, *bundles]
            files.append((f"configs/{package}/catalog.json", "\n".join(map(json.dumps, objects)).encode()))
        packed, diff = layer_of(files)
        config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [diff]},
                  "config": {"Labels": {"operators.operatorframework.io.index.configs.v1": "/configs"}}}
        self.image(CATALOG, self.blob(json.dumps(config).encode()), self.blob(packed), (TAG,))

    def dump(self):
        """A cluster that has the last but one version of each package, as its administrator dumps it."""
        def item(kind, name, spec=None, api="v1"):
            return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "n"}, "spec": spec or {}}
        olm = "operators.coreos.com/v1alpha1"
        items = [item("Pod", "p"), item("Deployment", "d"), item("DaemonSet", "d"),
                 item("CatalogSource", "cs-bench", {"image": "other.example/none:v1"}, olm),
                 {**item("ClusterVersion", "version"), "status": {"desired": {"version": "4.20.1"}}}]
        for package in sorted({package for package, _, _ in self.bundles}):
            csv = f"{package}.v1.{VERSIONS - 2}.0"
            items.append({**item("Subscription", package, {"name": package, "channel": "stable", "source": "cs-bench"}, olm),
                          "status": {"installedCSV": csv}})
            items.append({**item("ClusterServiceVersion", csv, {"version": f"1.{VERSIONS - 2}.0"}, olm), "status": {"phase": "Succeeded"}})
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def layer_of(files):
    """A gzip'd tar with these files, and the digest of the tar."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, content in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    plain = plain.getvalue()
    return gzip.compress(plain, 6, mtime=0), f"sha256:{hashlib.sha256(plain).hexdigest()}"


def site(path, production):
    """A site that serves that catalog, and goes back nowhere."""
    world.write(path, f"""apiVersion: ombundle.dev/v1
kind: Site
metadata: {{name: bench}}
spec:
  staging: {{registry: "127.0.0.1:1"}}
  production: {{registry: "{production}"}}
  repositories:
    - {{source: quay.io/team, mirror: team}}
  catalogs:
    - {{source: "quay.io/{CATALOG}:{TAG}", mirror: "{CATALOG}:{TAG}", name: cs-bench}}
  platforms: [linux/amd64]
  trust: {{keys: [signer.pub], threshold: 1}}
  keepGenerations: 0
  state: ./state
""")
