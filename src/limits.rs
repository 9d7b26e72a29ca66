//! Every ceiling on hostile input, in one place, each with its reason.

/// Ceilings that are checked before memory is allocated or work is done.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of an archive's inventory. 200,000 entries of about 160 bytes fit.
    pub inventory_bytes: u64,
    /// Entries of an archive. The largest real mirror has about 30,000 images.
    pub archive_entries: u64,
    /// Signatures of an archive. A site with more than sixteen signers has other problems.
    pub signatures: u64,
    /// Files that are looked at as signatures beside an archive.
    pub cosignatures: u64,
    /// Bytes of one `meta/` entry: the delta catalogs of a whole index fit.
    pub meta_bytes: u64,
    /// Nesting of any JSON document.
    pub json_depth: usize,
    /// Nesting of a Kubernetes object or a catalog's blob in YAML: the schema of a pod template in a CRD has some fifty levels.
    pub manifest_depth: usize,
    /// Bytes of an image manifest or index. Registries refuse more than 4 MiB (distribution's limit).
    pub manifest_bytes: u64,
    /// Bytes of an image config.
    pub config_bytes: u64,
    /// Nesting of image indexes.
    pub index_depth: usize,
    /// Entries of one image index.
    pub index_entries: usize,
    /// Layers of one image; container engines stop at 127.
    pub layers: usize,
    /// Uncompressed bytes read of one catalog or bundle layer.
    pub layer_plain_bytes: u64,
    /// Uncompressed bytes may exceed the compressed ones by this factor at most, past the first 16 MiB. A real catalog layer
    /// compresses 20 to 30 times; deflate can do 1,032.
    pub layer_ratio: u64,
    /// Entries of one catalog or bundle layer.
    pub layer_entries: u64,
    /// Bytes of all files that the layers of one image bring, also of those that later layers hide: they may lie on a disk.
    pub shelved_bytes: u64,
    /// Bytes of one file of a catalog. The largest real one has 30 MB.
    pub catalog_file_bytes: u64,
    /// Bytes of all files of a catalog.
    pub catalog_bytes: u64,
    /// Blobs of one catalog.
    pub catalog_blobs: usize,
    /// Bytes of one YAML document that a user wrote or a bundle holds.
    pub yaml_bytes: u64,
    /// Values of such a document once its aliases are expanded. A real one has some hundreds.
    pub yaml_nodes: usize,
    /// Bytes of one JSON dump of a cluster. The CSVs of 20 operators, copied into 100 namespaces, are about 150 MB.
    pub cluster_dump_bytes: u64,
    /// Bytes of one update graph. The whole one of OpenShift has about 3 MB.
    pub graph_bytes: u64,
    /// Releases of an update graph. There were 1,383 in August 2026.
    pub graph_releases: usize,
    /// Edges of an update graph, each counted as often as it has risks: about 150,000 in August 2026.
    pub graph_edges: usize,
    /// Bytes of a graph-data folder or of what its tarball unpacks to. The real one has 2 MB.
    pub graph_data_bytes: u64,
    /// Files of a graph-data tarball. The real one has about 2,000.
    pub graph_data_files: usize,
    /// Ways that are looked at for the one with the fewest risks, before the search settles for a good one.
    pub graph_ways: usize,
    /// Bytes of a token or error reply of a registry.
    pub reply_bytes: u64,
    /// Tags of one repository.
    pub tags: usize,
    /// Bytes of one signature of a release, packed or not. A real one has 900; library-go reads 50 KiB.
    pub release_signature_bytes: u64,
    /// Bytes of one file of OpenPGP keys. Those of a vendor have some kilobytes; keys that many people signed have more.
    pub key_file_bytes: u64,
    /// OpenPGP packets in such a file: each signature among them costs a calculation.
    pub key_packets: u64,
    /// Component images of one release. A real one has some 200.
    pub release_components: usize,
    /// Blocks of an archive that repair data knows: their checks are in memory, eight bytes each.
    pub repair_blocks: u64,
}

/// The ceilings that the program uses. Tests lower single ones.
pub const LIMITS: Limits = Limits {
    inventory_bytes: 32 << 20,
    archive_entries: 200_000,
    signatures: 16,
    cosignatures: 64,
    meta_bytes: 256 << 20,
    json_depth: 32,
    manifest_depth: 100,
    manifest_bytes: 4 << 20,
    config_bytes: 8 << 20,
    index_depth: 4,
    index_entries: 1_000,
    layers: 127,
    layer_plain_bytes: 4 << 30,
    layer_ratio: 200,
    layer_entries: 500_000,
    shelved_bytes: 4 << 30,
    catalog_file_bytes: 256 << 20,
    catalog_bytes: 1 << 30,
    catalog_blobs: 1_000_000,
    yaml_bytes: 16 << 20,
    yaml_nodes: 200_000,
    cluster_dump_bytes: 256 << 20,
    graph_bytes: 16 << 20,
    graph_releases: 20_000,
    graph_edges: 2_000_000,
    graph_data_bytes: 64 << 20,
    graph_data_files: 20_000,
    graph_ways: 200_000,
    reply_bytes: 1 << 20,
    tags: 100_000,
    release_signature_bytes: 50 << 10,
    key_file_bytes: 1 << 20,
    key_packets: 2_000,
    release_components: 2_000,
    repair_blocks: 2 << 20,
};
