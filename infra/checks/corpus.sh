# Sourced by the checks. Bodies that others published: they lie beside the project, never in it.
corpus=${CALLBACK_CORPUS:-$(dirname "$PWD")/shared/payloads}
if [ -d "$corpus" ]; then
  export CALLBACK_CORPUS=$corpus
elif [ -n "${CALLBACK_CORPUS:-}" ] || [ "${CI:-}" = true ]; then
  echo "No folder $corpus: set CALLBACK_CORPUS to the folder of published callback bodies." >&2
  exit 1
else
  echo "Without CALLBACK_CORPUS the published callback bodies are not posted."
fi
