# Runs one process in folders of its own, and kills it when the connection ends. Lines of standard error that begin with MARK
# say when it begins and, at its end: exit status, whether a child was left behind, user and system time.
#
# usage: sh run.sh FOLDER MARK merge|apart NAME=VALUE... PROGRAM ARGUMENT...
folder=$1 mark=$2 errors=$3
shift 3
make() { mkdir -p "$folder/home" "$folder/tmp" "$folder/work"; }
# Another process may just have removed the folder of all.
{ make || make || make; } 2>/dev/null || make || exit
cd "$folder/work" || exit
# A shell tells of processes that a signal ended: nobody is to hear that.
exec 3<&0 4>&2 2>/dev/null
# The program is not to inherit that they are ignored.
trap : HUP PIPE
printf '\n%s begins\n' "$mark" >&4
{
    read -r _ <&3
    until read -r program <"$folder/program"; do :; done
    : >"$folder/lost"
    kill -KILL -"$program" "$program"
} >/dev/null 4>&- &
watcher=$!
# In a session, and so a process group, of its own. Not in the background: there a shell has SIGINT ignored.
set -- sh -c 'echo $$ >"$0" && exec setsid "$@"' "$folder/program" env -i HOME="$folder/home" TMPDIR="$folder/tmp" "$@"
case $errors in
merge) (exec "$@" </dev/null 2>&1 3<&- 4>&-) ;;
*) (exec "$@" </dev/null 2>&4 3<&- 4>&-) ;;
esac
status=$?
kill -KILL $watcher
lost=
[ -e "$folder/lost" ] && lost=1
# What lives in the program's session; a zombie does not.
alive() {
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        # After the name, which may hold anything: state, parent, group, session.
        set -- ${line##*) }
        [ "$4" = "$program" ] && [ "$1" != Z ] && echo "${line%% *}"
    done
}
left=0
read -r program <"$folder/program"
if [ "$(alive)" ]; then
    # It may be about to end.
    [ "$lost" ] || sleep 1
    rest=$(alive)
    [ "$rest" ] && left=1 && kill -KILL -"$program" $rest
fi
times >"$folder/times"
{ read -r _; read -r user system; } <"$folder/times"
cd /
rm -rf "$folder" || { chmod -R u+rwx "$folder"; rm -rf "$folder"; }
# The last one: if the connection was lost, nobody else does it.
rmdir "${folder%/*}"
printf '\n%s %s %s %s %s\n' "$mark" "$status" "$left" "$user" "$system" >&4
