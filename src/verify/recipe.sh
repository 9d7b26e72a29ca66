# 1. Signatures, before anything is believed. `-O` joins doubled members, so a second copy breaks the signature.
set -eu
export LC_ALL=C
refuse() { printf 'REFUSED: %s\n' "$*"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=${files[0]}
if [ ${#files[@]} -gt 1 ]; then # volumes: joined, they are the archive
  archive=$work/archive
  cat -- "${files[@]}" > "$archive" || refuse "a volume cannot be read"
fi
tar -tf "$archive" > "$work/names" 2> /dev/null || refuse 'tar cannot read it'
tar -xOf "$archive" inventory.json > "$work/inventory.json" 2> /dev/null || refuse 'it has no inventory'
type=application/vnd.ombundle.inventory.v1+json
size=$(stat -c %s "$work/inventory.json")
{ printf 'DSSEv1 %d %s %d ' ${#type} $type "$size"; cat "$work/inventory.json"; } > "$work/signed"
good=
count=0
for key in "${keys[@]}"; do
    id=$(openssl pkey -pubin -in "$key" -outform DER | sha256sum | head -c 64)
    case $good in *$id*) refuse "key $id is listed twice" ;; esac
    if ! grep -qx "sig/$id.sig" "$work/names"; then # another person's signature, beside the archive
        for file in "${beside[@]}"; do
            case $file in *".$id.sig") ;; *) continue ;; esac
            openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/signed" -sigfile "$file" > /dev/null 2>&1 || continue
            good="$good $id"
            count=$((count + 1))
            break
        done
        continue
    fi
    tar -xOf "$archive" "sig/$id.sig" > "$work/$id.sig" || refuse "cannot read the signature of $id"
    openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/signed" -sigfile "$work/$id.sig" > /dev/null 2>&1 \
        || refuse "the signature of $id does not fit"
    good="$good $id"
    count=$((count + 1))
done
[ "$threshold" -gt 0 ] && [ "$count" -ge "$threshold" ] || refuse "$count of $threshold trusted keys signed"

# 2. What the inventory says. It is canonical JSON with sorted keys, so grep can read it; quotes inside of texts are escaped.
text() { grep -o "\"$1\":\"[^\"]*\"" "$work/inventory.json" | head -n 1 | cut -d '"' -f 4; }
number() { grep -o "\"$1\":[0-9]*" "$work/inventory.json" | tail -n 1 | cut -d : -f 2; }
total=$(number totalSize)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
[ "$(stat -c %s "$archive")" = "$total" ] || refuse "it does not have the $total bytes that were signed"
[[ ! $now < $(text notBefore) ]] || refuse "it is not valid before $(text notBefore)"
[[ $now < $(text expires) ]] || refuse "it expired at $(text expires)"
grep -o '"signers":\[[^]]*\]' "$work/inventory.json" | grep -o '[0-9a-f]\{64\}' > "$work/signers"
grep -o '{"coding":"raw","digest":"[^"]*","mediaType":"[^"]*","path":"[^"]*","role":"[^"]*","size":[0-9]*}' \
    "$work/inventory.json" | sed 's/.*"sha256:\([0-9a-f]*\)".*"path":"\([^"]*\)".*"size":\([0-9]*\)}/\1 \3 \2/' > "$work/entries"
[ "$(grep -c '' < "$work/entries")" = "$(number entryCount)" ] || refuse 'it does not have the entries that were counted'

# 3. Every byte. A header follows from path and size alone, so it is made and compared, not read.
bytes() { tail -c +$(($1 + 1)) "$archive" | head -c "$2"; }
zeros() { head -c "$1" /dev/zero; }
header() { # path, size as twelve bytes of printf format, checksum
    printf '%s' "$1"; zeros $((100 - ${#1}))
    printf '%s\0' 0000644 0000000 0000000
    printf "$2"
    printf '%s\0' 00000000000
    printf "$3"
    printf 0; zeros 100; printf 'ustar\0%s' 00; zeros 64; printf '%s\0' 0000000 0000000; zeros 167
}
at=0
member() { # path, size, SHA-256 of the content or nothing
    field=$(printf '%011o' "$2")'\0'
    if [ "$2" -gt 8589934591 ]; then
        field='\200\0\0\0'
        for shift in 56 48 40 32 24 16 8 0; do field=$field$(printf '\\%03o' $(($2 >> shift & 255))); done
    fi
    sum=$(($(header "$1" "$field" '        ' | od -An -v -tu1 | tr -s ' \n' '+' | sed 's/^+//; s/+$//')))
    cmp -s <(bytes $at 512) <(header "$1" "$field" "$(printf '%06o' $sum)\\0 ") || refuse "$1: its header is not the prescribed one"
    [ -z "$3" ] || [ "$(bytes $((at + 512)) "$2" | sha256sum | head -c 64)" = "$3" ] || refuse "$1: its content is not what was signed"
    rest=$(((512 - $2 % 512) % 512))
    [ "$(bytes $((at + 512 + $2)) $rest | tr -d '\0' | wc -c)" = 0 ] || refuse "$1: its padding is not zero"
    at=$((at + 512 + $2 + rest))
    printf '%s\n' "$1" >> "$work/expected"
}
hash() { sha256sum < "$1" | head -c 64; }
member ombundle 11 "$(printf 'ombundle/1\n' | sha256sum | head -c 64)"
member inventory.json "$size" "$(hash "$work/inventory.json")"
while read -r id; do
    digest=
    [ ! -e "$work/$id.sig" ] || digest=$(hash "$work/$id.sig")
    member "sig/$id.sig" 64 "$digest"
done < "$work/signers"
while read -r digest entry_size path; do member "$path" "$entry_size" "$digest"; done < "$work/entries"
[ $((at + 1024)) = "$total" ] && [ "$(bytes $at 1024 | tr -d '\0' | wc -c)" = 0 ] || refuse 'its end mark is not the prescribed one'

# 4. What tar sees is what was checked: nothing doubled, missing or added, in the same order.
cmp -s "$work/names" "$work/expected" || refuse 'tar sees other members than those that were signed'

printf 'VERIFIED sha256:%s\n' "$(hash "$work/inventory.json")"
printf 'channel %s, generation %s, for %s, signed by%s\n' "$(text channel)" "$(number sequence)" "$(text target || echo any)" "$good"
printf 'Compare the generation with the last one that was imported: an older one must not be.\n'
printf 'After tar -x, sha256sum -c SHA256SUMS checks the files, and oci/ is an OCI image layout.\n'
