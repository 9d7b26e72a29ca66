"""The world of the benchmark: registries on loopback, images to carry, and the files that name them."""

import gzip
import hashlib
import http.client
import io
import json
import os
import random
import shutil
import socket
import subprocess
import tarfile
import time

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class Registry:
    """A docker-registry of our own: free port, own folder, ended by its id; all of it goes when the block ends."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        for _ in range(10):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            self.host = f"127.0.0.1:{port}"
            config = {
                "version": 0.1,
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "cache": {"blobdescriptor": "inmemory"},
                    "filesystem": {"rootdirectory": os.path.join(self.folder, "storage")},
                    "delete": {"enabled": True},
                },
                "http": {"addr": self.host},
            }
            path = os.path.join(self.folder, "config.yml")
            write(path, json.dumps(config))
            with open(os.path.join(self.folder, "log"), "wb") as log:
                self.child = subprocess.Popen(["docker-registry", "serve", path], env={}, stdin=subprocess.DEVNULL,
                                              stdout=log, stderr=log)
            if self.came_up(port):
                return self
            self.end()
        raise SystemExit("bench: no docker-registry came up")

    def came_up(self, port):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def end(self):
        self.child.kill()
        self.child.wait()

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Images:
    """An OCI layout with the images to carry: the tag there, and the name under which the source registry has each."""

    def __init__(self, layout, names):
        self.layout = layout
        self.names = names  # tag in the layout → repository:tag

    def digests(self):
        """All blobs that the images consist of, each once."""
        index = json.loads(read(os.path.join(self.layout, "index.json")))
        found = {}
        for entry in index["manifests"]:
            if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") in self.names:
                found[entry["digest"]] = entry["size"]
                manifest = json.loads(read(self.blob(entry["digest"])))
                for part in [manifest["config"], *manifest["layers"]]:
                    found[part["digest"]] = part["size"]
        return found

    def blob(self, digest):
        return os.path.join(self.layout, "blobs", *digest.split(":", 1))

    def __str__(self):
        return f"{len(self.names)} images, {sum(self.digests().values()) / 1e6:.0f} MB"


def operator_images(layout):
    """The images of make-layouts.sh: `webapp-operator_v1.9.0` is called `team/webapp-operator:v1.9.0`."""
    index = json.loads(read(os.path.join(layout, "index.json")))
    names = {}
    for entry in index["manifests"]:
        tag = entry["annotations"]["org.opencontainers.image.ref.name"]
        # The bases come along as layers of the operators.
        if "_" in tag:
            name, version = tag.rsplit("_", 1)
            names[tag] = f"team/{name}:{version}"
    return Images(layout, names)


def random_images(folder, mib, images=8, layers=4):
    """Images of random bytes, `mib` MiB in sum; the same bytes in each run."""
    layout = os.path.join(folder, "random")
    blobs = os.path.join(layout, "blobs", "sha256")
    os.makedirs(blobs)

    def keep(data):
        digest = hashlib.sha256(data).hexdigest()
        write(os.path.join(blobs, digest), data)
        return f"sha256:{digest}", len(data)

    entries, names = [], {}
    for image in range(images):
        described, diffs = [], []
        for layer in range(layers):
            diff, digest, size = random_layer(blobs, image * layers + layer, mib * (1 << 20) // (images * layers))
            diffs.append(diff)
            described.append({"mediaType": LAYER, "digest": digest, "size": size})
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}
        digest, size = keep(json.dumps(config).encode())
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": CONFIG, "digest": digest, "size": size}, "layers": described}
        digest, size = keep(json.dumps(manifest).encode())
        tag = f"random-{image}"
        entries.append({"mediaType": MANIFEST, "digest": digest, "size": size,
                        "annotations": {"org.opencontainers.image.ref.name": tag}})
        names[tag] = f"team/{tag}:v1"
    write(os.path.join(layout, "index.json"), json.dumps({"schemaVersion": 2, "manifests": entries}))
    write(os.path.join(layout, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}')
    return Images(layout, names)


class Hashing:
    """Passes bytes on and hashes them."""

    def __init__(self, inner):
        self.inner, self.hash, self.size = inner, hashlib.sha256(), 0

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        return self.inner.write(data)

    def flush(self):
        self.inner.flush()


class Noise(io.RawIOBase):
    """Random bytes from a seed, in pieces: this script must stay small, its memory is the floor of what it can measure."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def read(self, size=-1):
        return self.random.randbytes(size)


def random_layer(blobs, seed, size):
    """A gzip'd tar with one file of noise: stored, not deflated, so that it is quick; gzip all the same, so that no peer packs it anew."""
    path = os.path.join(blobs, "layer")
    with open(path, "wb") as file:
        outer = Hashing(file)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=0, fileobj=outer, mtime=0) as zipped:
            inner = Hashing(zipped)
            with tarfile.open(fileobj=inner, mode="w|", bufsize=1 << 20) as tar:
                entry = tarfile.TarInfo(f"noise-{seed}")
                entry.size = size
                tar.addfile(entry, Noise(seed))
    os.rename(path, os.path.join(blobs, outer.hash.hexdigest()))
    return f"sha256:{inner.hash.hexdigest()}", f"sha256:{outer.hash.hexdigest()}", outer.size


def push(images, host):
    """Copies images to a registry over one connection: a process for each of thousands would take minutes."""
    connection = http.client.HTTPConnection(host)

    def ask(method, path, body=b"", kind="application/octet-stream"):
        connection.request(method, path, body, {"Content-Type": kind, "Content-Length": str(len(body))})
        reply = connection.getresponse()
        reply.read()
        if reply.status >= 300:
            raise SystemExit(f"bench: {method} {path} ended with {reply.status}")
        return reply.headers.get("Location", "")

    index = json.loads(read(os.path.join(images.layout, "index.json")))
    for entry in index["manifests"]:
        repository, tag = images.names[entry["annotations"]["org.opencontainers.image.ref.name"]].rsplit(":", 1)
        manifest = read(images.blob(entry["digest"]))
        described = json.loads(manifest)
        for part in [described["config"], *described["layers"]]:
            upload = ask("POST", f"/v2/{repository}/blobs/uploads/").split(host, 1)[-1]
            ask("PUT", f"{upload}{'&' if '?' in upload else '?'}digest={part['digest']}", read(images.blob(part["digest"])))
        ask("PUT", f"/v2/{repository}/manifests/{tag}", manifest, MANIFEST)


def image_set(path, images):
    """An ImageSetConfiguration that asks for the images as if they came from quay.io."""
    wanted = "".join(f"    - name: quay.io/{name}\n" for name in images.names.values())
    write(path, "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n  additionalImages:\n" + wanted)


def registries_conf(path, source):
    """Says that quay.io is the source registry."""
    write(path, f'[[registry]]\nprefix = "quay.io"\nlocation = "{source}"\ninsecure = true\n')


def site(path, staging, production):
    """A site with these two registries."""
    write(path, f"""apiVersion: ombundle.dev/v1
kind: Site
metadata: {{name: bench}}
spec:
  staging: {{registry: "{staging}"}}
  production: {{registry: "{production}"}}
  repositories:
    - {{source: quay.io/team, mirror: team}}
  catalogs: []
  platforms: [linux/amd64]
  trust: {{keys: [signer.pub], threshold: 1}}
  state: ./state
""")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
