"""A release of the size of a real one: 183 components in an OCI layout, a release image, a graph, a signature by gpg."""

import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile

import world

COMPONENTS = 183
VERSION = "4.20.5"
RELEASES = "openshift-release-dev/ocp-release"
PARTS = "openshift-release-dev/ocp-v4.0-art-dev"


class Release:
    """The images as [`world.Images`] names them, and what else the planner is given."""

    def __init__(self, folder, mib):
        self.folder = folder
        self.layout = os.path.join(folder, "release")
        self.blobs = os.path.join(self.layout, "blobs", "sha256")
        os.makedirs(self.blobs)
        self.entries, names, tags = [], {}, []
        base = self.layer({"usr/lib/base": random.Random("base").randbytes(4 << 20)})
        for number in range(COMPONENTS):
            name = f"component-{number:03}"
            content = random.Random(name).randbytes((mib << 20) // COMPONENTS)
            digest = self.image(name, [base, self.layer({f"usr/bin/{name}": content})])
            names[name] = f"{PARTS}:{name}"
            tags.append({"name": name, "from": {"kind": "DockerImage", "name": f"quay.io/{PARTS}@{digest}"}})
        references = {"kind": "ImageStream", "metadata": {"name": VERSION}, "spec": {"tags": tags}}
        metadata = {"kind": "cincinnati-metadata-v0", "version": VERSION}
        manifests = {"release-manifests/image-references": json.dumps(references).encode(),
                     "release-manifests/release-metadata": json.dumps(metadata).encode()}
        self.digest = self.image("release", [base, self.layer(manifests)])
        names["release"] = f"{RELEASES}:{VERSION}-x86_64"
        world.write(os.path.join(self.layout, "index.json"), json.dumps({"schemaVersion": 2, "manifests": self.entries}))
        world.write(os.path.join(self.layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}')
        self.images = world.Images(self.layout, names)
        self.graph()
        self.sign()

    def keep(self, data):
        digest = hashlib.sha256(data).hexdigest()
        world.write(os.path.join(self.blobs, digest), data)
        return f"sha256:{digest}", len(data)

    def layer(self, files):
        """A gzip'd tar: stored, not deflated, so that it is quick. Gives its diff id and its descriptor."""
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        diff = f"sha256:{hashlib.sha256(plain.getvalue()).hexdigest()}"
        digest, size = self.keep(gzip.compress(plain.getvalue(), compresslevel=0, mtime=0))
        return diff, {"mediaType": world.LAYER, "digest": digest, "size": size}

    def image(self, tag, layers):
        config = {"architecture": "amd64", "os": "linux", "config": {"Labels": {"name": tag}},
                  "rootfs": {"type": "layers", "diff_ids": [diff for diff, _ in layers]}}
        digest, size = self.keep(json.dumps(config).encode())
        manifest = {"schemaVersion": 2, "mediaType": world.MANIFEST,
                    "config": {"mediaType": world.CONFIG, "digest": digest, "size": size}, "layers": [layer for _, layer in layers]}
        digest, size = self.keep(json.dumps(manifest).encode())
        self.entries.append({"mediaType": world.MANIFEST, "digest": digest, "size": size,
                             "annotations": {"org.opencontainers.image.ref.name": tag}})
        return digest

    def graph(self):
        channels = {"io.openshift.upgrades.graph.release.channels": "stable-4.20"}
        node = {"version": VERSION, "payload": f"quay.io/{RELEASES}@{self.digest}", "metadata": channels}
        reply = {"version": 1, "nodes": [node], "edges": [], "conditionalEdges": []}
        world.write(os.path.join(self.folder, "release-graph.json"), json.dumps(reply))

    def sign(self):
        """A signature by a key of our own, in a folder as a store has it."""
        home = os.path.join(self.folder, "gpg")
        os.makedirs(home, mode=0o700)
        gpg = ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]

        def run(arguments, given=b""):
            return subprocess.run([*gpg, *arguments], check=True, input=given, capture_output=True).stdout

        claim = {"critical": {"image": {"docker-manifest-digest": self.digest}, "type": "atomic container signature",
                              "identity": {"docker-reference": f"quay.io/{RELEASES}:{VERSION}-x86_64"}}, "optional": {}}
        try:
            run(["--quick-gen-key", "bench <bench@example.com>", "ed25519", "sign", "never"])
            world.write(os.path.join(self.folder, "release.asc"), run(["--armor", "--export"]))
            signature = run(["--sign"], json.dumps(claim).encode())
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
        store = os.path.join(self.folder, "signatures", f"sha256={self.digest.removeprefix('sha256:')}")
        os.makedirs(store)
        world.write(os.path.join(store, "signature-1"), signature)

    def __str__(self):
        return str(self.images)
