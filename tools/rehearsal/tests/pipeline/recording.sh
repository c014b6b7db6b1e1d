#!/bin/bash
# Stands for `docker` and for `aws`: writes down how it was called, says what is asked of it, and
# fails if the call is the one that the file `failing` describes.
name=${0##*/}
folder=${0%/*}
# One write, because both sides of a pipe do it at the same time: bash writes line by line.
printf -v words '%s\x1f' "$name" "$@"
printf '%s\n' "$words" >> "$folder/calls"
call="$name $*"
if [[ $call == "docker login "* ]]; then cat > "$folder/password"; fi
# shellcheck disable=SC2053 # a pattern
if [[ -e $folder/failing && $call == $(< "$folder/failing") ]]; then
    echo "$name: made to fail" >&2
    exit 17
fi
case $call in
    *get-login-password*) echo "the password" ;;
    "docker push "*)
        printf 'The push refers to repository [%s]\n5f70bf18a086: Pushed\n' "${2%:*}"
        printf '%s: digest: sha256:%s size: 1234\n' "${2##*:}" "$(printf '5%.0s' {1..64})"
        ;;
esac
