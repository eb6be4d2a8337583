# Print a .env for docker-compose.yml with random secrets: sh scripts/make-env.sh > .env
set -eu
cd "$(dirname "$0")/.."
umask 077

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

while IFS= read -r line; do
    case $line in
    AIRFLOW_FERNET_KEY=)
        echo "$line$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n')" ;;
    [A-Z]*=) echo "$line$(random)" ;;
    *) echo "$line" ;;
    esac
done <.env.example
