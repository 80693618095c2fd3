if [ ! "${@variable@+set}" ] && ! has_runner @triple@; then
    @variable@=@runner@
    export @variable@
fi
