#!/bin/sh
# Checks an exported conversation with OpenSSL and a POSIX shell alone: sh verify.sh
# For each message it says who signed it and whether that holds; it ends with 1 if anything fails, and names the place.
# It writes anew, from the tables, the bytes that must have been signed, compares them with the .signed files, and verifies
# these with OpenSSL. README.txt says what that proves, what it does not, and how to do it by hand.
set -u -f
export LC_ALL=C
cd "$(dirname "$0")" || exit 1
tab=$(printf '\t')
faults=0 messages=0 entries=0 people=0

fault() { faults=$((faults + 1)) && printf 'FAILS  %s: %s\n' "$1" "$2"; }

# What tables hold is looked at before it is used: hexadecimal of that many digits, numbers, names.
is_hex() { [ "${#1}" -eq "$2" ] && case $1 in *[!0-9a-f]*) false ;; esac; }
is_number() { [ "${#1}" -le 15 ] && case $1 in '' | *[!0-9]* | 0?*) false ;; esac; }
is_name() { case $1 in '' | *[[:cntrl:]]*) false ;; esac; }

# Hexadecimal of a file or of what comes in; bytes from hexadecimal; a digest of what comes in; the size of a file.
hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }
raw() {
    digits=$1
    while [ -n "$digits" ]; do
        rest=${digits#??}
        printf %b "\\0$(printf %03o "0x${digits%"$rest"}")"
        digits=$rest
    done
}
digest() { openssl dgst -sha256 -r | cut -c1-64; }
size() { echo $(($(wc -c <"$1"))); }

# The head of a CBOR item (RFC 8949): its major type times 32, and its number. 64: bytes, 96: text.
head() {
    if [ "$2" -lt 24 ]; then printf %02x $(($1 + $2))
    elif [ "$2" -lt 256 ]; then printf %02x%02x $(($1 + 24)) "$2"
    elif [ "$2" -lt 65536 ]; then printf %02x%04x $(($1 + 25)) "$2"
    elif [ "$2" -lt 4294967296 ]; then printf %02x%08x $(($1 + 26)) "$2"
    else printf %02x%016x $(($1 + 27)) "$2"; fi
}

# labelled(purpose, [part...]): what is signed begins with its purpose; each part has its length before it.
labelled() {
    printf 'secure-chat/v1/%s' "$1" | hex
    printf 00
    shift
    for part in "$@"; do printf %08x%s $((${#part} / 2)) "$part"; done
}

# Whether a key signed what comes in: algorithm, key, signature.
verify() {
    pss='-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32'
    case $1 in RSA-PSS) ;; DSA) pss='' ;; *) return 1 ;; esac
    openssl dgst -sha256 -verify "$2" $pss -signature "$3" >/dev/null 2>&1
}
suffix() { case $1 in RSA-PSS) echo rsa ;; *) echo dsa ;; esac; }

# Milliseconds since 1970 as a date and time in UTC.
when() {
    if ! is_number "$1" || [ "$1" -gt 253402300799999 ]; then echo - && return; fi
    s=$(($1 / 1000 % 86400)) d=$(($1 / 86400000 + 719468))
    e=$((d / 146097)) d=$((d % 146097))
    y=$(((d - d / 1460 + d / 36524 - d / 146096) / 365))
    d=$((d - 365 * y - y / 4 + y / 100)) m=$(((5 * d + 2) / 153))
    d=$((d - (153 * m + 2) / 5 + 1)) y=$((y + 400 * e + m / 10)) m=$(((m + 2) % 12 + 1))
    printf '%04d-%02d-%02dT%02d:%02d:%02dZ' $y $m $d $((s / 3600)) $((s / 60 % 60)) $((s % 60))
}

# 1. Every file is the one that the exporter listed.
if grep -q -v -x '[0-9a-f]\{64\}  [0-9a-zA-Z./-]*' manifest.txt; then fault manifest.txt 'not a list of files'; fi
listed=$(cut -c67- manifest.txt)
found=$(printf '%s\n' "$listed" | xargs openssl dgst -sha256 -r 2>/dev/null | sed 's/ \*/  /')
for path in $(printf '%s\n' "$found" | diff manifest.txt - | sed -n 's/^< [0-9a-f]*  //p'); do
    fault "$path" 'is not the file that was exported (manifest.txt)'
done
for path in $({ printf '%s\n' "$listed" "$listed" && find . -type f | sed 's/^..//'; } | sort | uniq -u); do
    case $path in manifest.txt | manifest.sig) ;; *) fault "$path" 'was not exported (manifest.txt)' ;; esac
done

conversation='' exporter=''
while IFS=$tab read -r key value; do
    case $key in conversation) conversation=$value ;; exporter) exporter=$value ;; esac
done <about.txt
is_hex "$conversation" 64 && is_hex "$exporter" 64 || fault about.txt 'does not name conversation and exporter'
printf 'conversation  %s\n' "$conversation"

# 2. Identities: name, user, version and keys are what the hash names, and were signed by these keys.
known=''
while IFS=$tab read -r hash name user algorithm version previous; do
    is_hex "$hash" 64 && is_name "$name" && is_hex "$user" 32 && is_number "$version" ||
        { fault identities.txt 'a line is malformed' && continue; }
    people=$((people + 1)) before=$faults place=identities/$hash text=$(printf %s "$name" | hex)
    body=8a01686964656e7469747950$user$(head 96 $((${#text} / 2)))$text$(head 0 "$version")
    if is_hex "$previous" 64; then body=${body}5820$previous; else body=${body}f6; fi
    for kind in encryption rsa dsa; do
        key=$(openssl pkey -pubin -in "keys/$hash.$kind.pem" -outform DER 2>/dev/null | hex)
        body=$body$(head 64 $((${#key} / 2)))$key
    done
    case $algorithm in RSA-PSS) body=${body}00 ;; *) body=${body}01 ;; esac
    [ "$(hex "$place.signed")" = "$(labelled identity "$body")" ] ||
        fault "$place.signed" "is not what identities.txt and the keys of $name say"
    # The hash is over the same bytes under another label.
    [ "$({ printf 'secure-chat/v1/identity hash\000' && tail -c +25 "$place.signed"; } | digest)" = "$hash" ] ||
        fault "$place.signed" "has another hash: these are not $name's keys"
    for kind in RSA-PSS DSA; do
        end=$(suffix $kind)
        verify $kind "keys/$hash.$end.pem" "$place.$end.sig" <"$place.signed" ||
            fault "$place.$end.sig" "$name's own signature does not hold"
        if [ -e "keys/$previous.$end.pem" ]; then
            verify $kind "keys/$previous.$end.pem" "$place.previous.$end.sig" <"$place.signed" ||
                fault "$place.previous.$end.sig" "the signature by $name's version before does not hold"
        fi
    done
    known="$known|$hash $name $user $algorithm|"
    [ $faults = $before ] && printf 'identity  %s  %s  %s  holds\n' "$name" "$version" "$hash"
done <identities.txt

# 3. The exporter signed the list of files.
algorithm=RSA-PSS name=''
while IFS=$tab read -r hash name user algorithm rest && [ "$hash" != "$exporter" ]; do :; done <identities.txt
{ raw "$(labelled 'export manifest')$(printf %08x "$(size manifest.txt)")" && cat manifest.txt; } |
    verify "$algorithm" "keys/$exporter.$(suffix "$algorithm").pem" manifest.sig ||
    fault 'manifest.txt or manifest.sig' "the exporter's signature over the list of files does not hold"
printf 'exporter  %s  %s\n' "$name" "$exporter"

# 4. The membership log: signatures, and that each entry names the one before, back to the first, whose hash is the
# conversation's name. Whether its author was allowed to do this is judged by `secure-chat verify`.
last=-
while IFS=$tab read -r number kind name user identity algorithm hash previous view root form; do
    is_number "$number" && is_name "$name" && is_hex "$hash" 64 && is_number "$view" && is_hex "$root" 64 ||
        { fault log.txt 'a line is malformed' && continue; }
    entries=$((entries + 1)) before=$faults place=log/$(printf %06d "$number")
    [ "$previous" = $last ] || fault "$place.signed" 'does not follow the entry before it'
    seen=0582$(head 0 "$view")5820${root}
    case $kind,$previous in
    state,-) purpose='state entry' header=a6000101010350${user}045820${identity}${seen}07 ;;
    state,*) purpose='state entry' header=a800010101025820${conversation}0350${user}045820${identity}${seen}065820${previous}07 ;;
    *) purpose='managed announcement' header=a600010103025820${conversation}${seen}065820${previous}07 ;;
    esac
    label=$(labelled "$purpose") skip=$((${#label} / 2 + 4)) length=$(($(size "$place.signed") - skip))
    case $form$(hex "$place.signed") in
    "usual$label$(printf %08x $length)$header"* | "other$label"*) ;; *) fault "$place.signed" 'is not what log.txt says' ;; esac
    # The entry is an array of its kind, what was signed without the label, and the signature; its hash begins with 00.
    case $kind in state) start=008301 ;; *) start=008303 ;; esac
    [ "$({
        raw "$start$(head 64 $length)" && tail -c "+$((skip + 1))" "$place.signed"
        raw "$(head 64 "$(size "$place.sig")")" && cat "$place.sig"
    } | digest)" = "$hash" ] || fault "$place.signed or $place.sig" 'has another hash than log.txt says'
    key=keys/server.pem
    if [ "$kind" = state ]; then
        key=keys/$identity.$(suffix "$algorithm").pem
        case $known in *"|$identity $name $user $algorithm|"*) ;; *) fault log.txt "$number names an unknown signer" ;; esac
    fi
    verify "$algorithm" "$key" "$place.sig" <"$place.signed" || fault "$place.sig" "$name's signature does not hold"
    [ $faults = $before ] && printf 'log  %s  %s  %s  holds\n' "$number" "$name" "$algorithm"
    [ $last = - ] && [ "$hash" != "$conversation" ] && fault log.txt 'begins another conversation'
    last=$hash
done <log.txt

# 5. Messages: text, time, author and place are what was signed, and the signature is the author's.
while IFS=$tab read -r number name user identity algorithm time view root epoch announcement id salt form; do
    is_number "$number" && is_name "$name" && is_hex "$user" 32 && is_hex "$identity" 64 ||
        { fault messages.txt 'a line is malformed' && continue; }
    messages=$((messages + 1)) place=messages/$(printf %06d "$number") why='' note=''
    case $known in *"|$identity $name $user $algorithm|"*) ;; *) why='messages.txt names an unknown signer' ;; esac
    if [ "$form" = usual ] && is_number "$time" && is_number "$view" && is_number "$epoch"; then
        header=aa00010102025820${conversation}0350${user}045820${identity}0582$(head 0 "$view")5820${root}
        header=${header}06$(head 0 "$epoch")075820${announcement}0850${id}095820${salt}
        text=$(hex "$place.txt")
        text=81$(head 96 $((${#text} / 2)))$text
        case $algorithm in RSA-PSS) inner=8300 ;; *) inner=8301 ;; esac
        inner=$inner$(head 0 "$time")8200$(head 64 $((${#text} / 2)))$text
        [ "$(hex "$place.signed")" = "$(labelled message "$header" "$inner")" ] ||
            why="$place.txt or messages.txt is not what was signed"
    else
        note=' (its author wrote it in an unusual form: what it says is checked by secure-chat verify alone)'
    fi
    verify "$algorithm" "keys/$identity.$(suffix "$algorithm").pem" "$place.sig" <"$place.signed" ||
        why="$place.sig: the signature does not hold"
    if [ -z "$why" ]; then
        printf '%s  %s  %s  %s  holds%s\n' "$number" "$name" "$(when "$time")" "$algorithm" "$note"
    else
        fault "message $number by $name" "$why"
    fi
done <messages.txt
while IFS=$tab read -r number why author; do
    is_number "$number" && is_name "$why" && printf '%s  not exported: %s\n' "$number" "$why"
done <marked.txt

printf 'messages: %s, entries of the membership log: %s, identities: %s: ' $messages $entries $people
if [ $faults = 0 ]; then
    echo 'everything holds.'
    echo 'The long numbers after the names are fingerprints: compare them with what these people say theirs are.'
    exit 0
fi
printf '%s failed.\n' $faults
exit 1
