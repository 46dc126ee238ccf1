"""Every command of README and the documents: how it ends where it is walked, or why it is not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class End:
    """How a command ends.

    Attributes:
        shows: What it prints whole, with an installation that has all it needs.
        needs: The extra without which it says how to install that.
        status: With that extra.
        without: Its status without.
        long: It takes seconds: it is walked at a few places alone.
        too_long: Why it is walked only where it lacks the extra.
        until: It serves until it is interrupted; it is once it has printed this.
    """

    shows: tuple[str, ...] = ()
    needs: str = ""
    status: int = 0
    without: int = 1
    long: bool = False
    too_long: str = ""
    until: str = ""


def _made(*shows: str, needs: str = "export") -> End:
    return End(shows, needs, long=True)


def _served(*shows: str) -> End:
    return End(shows, "serve", 130, until="Ctrl-C ends it")


_MERGED = End(("report.html",), "apps", without=0)  # the samples of all are put together
_BUNDLE = ("onnx/model.onnx", "onnx/model_quantized.onnx")
_EXPORT_QA = "edge-distil export distilbert/distilbert-base-cased-distilled-squad -o qa --int8"
_DISTIL = "edge-distil distil qa-teacher --data train.json --eval dev.json"
_RUN = 'edge-distil run qa --variant int8 -q "Who built it?"'
_EMBED = "edge-distil embed minilm posts.jsonl --column body --keep id -o posts.parquet"
_SEARCH = 'edge-distil search docs.index "Where does tqdm print the progress bar by default?"'

WALKED = {
    "edge-distil export apps/models/minilm-l6-squad -o qa --int8": _made(*_BUNDLE),
    _EXPORT_QA: _made(*_BUNDLE),
    f'{_RUN} -c "It was built in 1871 by Marta Lindqvist."': End(),
    'edge-distil run qa -q "Who keeps the light?" -q "Who built it?" -c @book.txt --preselect 8 '
    "--embedding minilm": End(),
    f"{_EMBED} --variant int8": End(("posts.parquet",), "apps"),
    "edge-distil search --build docs -o docs.index --bundle minilm": End(("docs.index",)),
    "edge-distil export potion-base-8M -o potion --int8": _made(*_BUNDLE),
    "edge-distil embed potion posts.jsonl --column body -o posts.npy --variant int8": End(
        ("posts.npy",)
    ),
    _SEARCH: End(("progress.md",)),
    f"{_SEARCH} --answer --qa qa": End(("progress.md",)),
    f"{_DISTIL} --layers 6,4,3,2 --frontier -o out": End(
        needs="distil", long=True, too_long="minutes; tests/apps/frontier does it in seconds"
    ),
    f"{_DISTIL} --layers 3 -o student": _made("student", needs="distil"),
    "edge-distil export student -o bundle --int8": _made(*_BUNDLE),
    "edge-distil distil teacher --data train.json --layers 3 --cut-vocabulary texts.txt -o student":
        _made("student", needs="distil"),
    "edge-distil export MODEL -o qa --coreml --coreml-compress int8":
        _made("coreml/model.mlpackage", needs="coreml"),
    "edge-distil export distilbert/distilbert-base-uncased-distilled-squad -o distilbert-qa "
    "--coreml": _made("coreml/model.mlpackage", needs="coreml"),
    "edge-distil export cross-encoder/ms-marco-MiniLM-L6-v2 -o cross-encoder --int8":
        _made(*_BUNDLE),
    'edge-distil search docs.index "How are weights quantized?" --rerank cross-encoder': End(
        ("relevance",)
    ),
    'edge-distil run cross-encoder -q "Who keeps the light?" --file passages.txt --top-k 3':
        End(("Ada keeps the light.",)),
    "edge-distil export lightonai/GTE-ModernColBERT-v1 -o colbert --int8": _made(*_BUNDLE),
    'edge-distil search docs.index "How are weights quantized?" --rerank colbert': End(
        ("relevance",)
    ),
    'edge-distil run colbert -q "Who keeps the light?" --file passages.txt --top-k 3':
        End(("Ada keeps the light.",)),
    "edge-distil export naver/splade-v3 -o splade --int8": _made(*_BUNDLE),
    'edge-distil run splade "Who keeps the light?" --top-k 5': End(),
    "edge-distil search --build docs -o docs.index --bundle splade": End(("docs.index",)),
    'edge-distil search docs.index "How are weights quantized?"': End(),
    "edge-distil export cross-encoder/nli-distilroberta-base -o nli --int8": _made(*_BUNDLE),
    'edge-distil run nli "My phone is dead." --labels "urgent, not urgent"': End(("not urgent",)),
    'edge-distil run cross-encoder "Who keeps the light?" --pair "Ada keeps it."': End(),
    "edge-distil eval cross-encoder --data stsb-en-dev.csv": End(("spearman",)),
    "edge-distil export swag-bert -o swag --int8": _made(*_BUNDLE),
    'edge-distil run swag -q "She opens the umbrella, for" "it rains." "it sings."': End(
        ("it rains.", "it sings.")
    ),
    "edge-distil run swag --file questions.jsonl --top-k 1": End(),
    "edge-distil eval swag --data questions.jsonl": End(("accuracy",)),
    "edge-distil export sentence-transformers/all-MiniLM-L6-v2 -o minilm --int8": _made(*_BUNDLE),
    "edge-distil inspect qa": End(_BUNDLE),
    "rm qa/onnx/model.onnx && edge-distil doctor qa": End(
        ("left out: onnx/model.onnx is not here; here: int8",), long=True
    ),
    """echo '{"id": 7, "question": "Who built it?", "context": "Marta built it."}' """
    "| edge-distil run qa --jsonl --json": End(('"id": 7',)),
    "edge-distil doctor qa": End(("int8", "telemetry"), long=True),
    "edge-distil doctor minilm": End(("engines", "bf16"), long=True),
    "edge-distil models": End(("question-answering", "distilbert")),
    "edge-distil push qa ada/qa --dry-run": End(("README.md", *_BUNDLE)),
    "edge-distil serve qa minilm": _served("http://127.0.0.1:8000/"),
    "edge-distil serve qa --lan --measurements phones": _served("/#token="),
    "edge-distil serve qa minilm --lan": _served(":8000/"),
    "edge-distil study --merge phones/*.json out/measurements.json -o report":
        _MERGED,
    "edge-distil study --merge phone.json laptop.json -o report/": _MERGED,
    "edge-distil study --merge laptop/measurements.json phone/measurements.json -o report/":
        _MERGED,
    "edge-distil quantize qa --int8 --force --max-drop 0.5 --data dev.json": _made("int8"),
    "edge-distil quantize qa --ort": _made("onnx/model_quantized.ort"),
    "edge-distil bench qa": End(("int8", "fp32"), long=True),
    "mkdir -p app/src/main/assets && cp -r qa app/src/main/assets/bundle": End(),
    "rm app/src/main/assets/bundle/onnx/model.onnx": End(),
}  # fmt: skip

_INSTALLS = "tests/packaging and this walk install the wheel, and extras of it"
_CLONE = "works on the clone, which other tests do"
_NODE = "needs Node and a registry; tests/web runs the package"
_OPENVINO = "needs OpenVINO; tests/interop/test_openvino_engine.py has it"
_PRIVACY = "writes to /tmp/home; tests/privacy does the same"
_SWIFT = "needs Swift; tests/apps/ios runs where it is"
_ANDROID = "needs Android's tools"

NOT_WALKED = {
    "make demo": _CLONE,
    "make test": _CLONE,
    "make page": _NODE,
    "pip install edge-distil": _INSTALLS,
    **{f"pip install 'edge-distil[{extra}]'": _INSTALLS
       for extra in ("export", "distil", "coreml", "apps", "serve", "ray", "openvino")},
    "pip install -c constraints.txt -e '.[export]'": _INSTALLS,
    "pip install onnxruntime-gpu numpy tokenizers typer rich": "needs a GPU's build",
    "pip install --no-deps edge-distil": "goes with onnxruntime-gpu",
    "npm pack ./apps/web/runtime": _NODE,
    "npm install ./edge-distil-0.1.0.tgz onnxruntime-node": _NODE,
    "npm ci": _NODE,
    "npm ci --prefix apps/web/runtime && npm pack ./apps/web/runtime": _NODE,
    "npm install ./edge-distil-0.1.0.tgz onnxruntime-node && node ask.mjs": _NODE,
    "npm ci --prefix ../web/runtime && npm run build --prefix ../web/runtime": _NODE,
    "EXPO_PUBLIC_BUNDLES=http://192.168.1.20:8000/bundles/ npx expo run:android": _ANDROID,
    "edge-distil embed minilm /shared/posts -o /shared/vectors/ --engine ray --address auto":
        "needs a cluster; tests/apps/embed starts Ray on this machine",
    "edge-distil bench qa --checkpoint model --against torch --against openvino=ov/bin/python":
        "needs an environment with OpenVINO; tests/apps/cli/test_peers.py has one of its kind",
    "edge-distil bench minilm --against openvino:bf16": _OPENVINO,
    'edge-distil run qa --engine openvino:bf16 -q "Who wrote it?" -c "Ada Lovelace wrote it."':
        _OPENVINO,
    "edge-distil quantize minilm-onnx -o minilm --int8":
        "needs what optimum wrote; tests/apps/outputs and tests/interop have it",
    "edge-distil study --quick -o report/": "an hour; tests/apps/study has a plan of seconds",
    "mkdir /tmp/home": _PRIVACY,
    "find /tmp/home": _PRIVACY,
    'HOME=/tmp/home strace -f -e trace=connect,sendto edge-distil run qa -q "Who?" -c "Ada." 2>&1'
    " | grep AF_INET": _PRIVACY,
    'HOME=/tmp/home unshare -rn edge-distil run qa -q "Who?" -c "Ada."': _PRIVACY,
    "./build.sh --android --android_abi arm64-v8a --android_api 26 --build_java --config "
    'MinSizeRel --android_sdk_path "$ANDROID_HOME" --android_ndk_path "$ANDROID_NDK_HOME" '
    "--minimal_build extended --disable_ml_ops --skip_tests --parallel "
    "--include_ops_by_config model_quantized.required_operators.config "
    "--enable_reduced_operator_type_support": _ANDROID,
    "pytest -m slow tests/apps/test_android.py": _CLONE,
    "EDGE_DISTIL_SWIFT=swift make test-all": _SWIFT,
    'EDGE_DISTIL_SWIFT="chroot swift-root swift" make test-all': _SWIFT,
    "debootstrap --variant=minbase --include=swiftlang,libc6-dev,libstdc++-14-dev,git trixie "
    "swift-root": _SWIFT,
    "mount -t proc proc swift-root/proc": _SWIFT,
    'mkdir -p "swift-root$PWD" && mount --bind "$PWD" "swift-root$PWD"': _SWIFT,
}  # fmt: skip
