"""A container that does what its environment says."""

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    do = os.environ["TOY_DO"]
    print("doing", do, flush=True)
    if do == "fail":
        print(json.dumps({"error": "DatasetError", "message": "no rows"}), file=sys.stderr)
        return 3
    if do == "sleep":
        Path(os.environ["ENDCAP_LAKE_URI"], str(os.getpid())).touch()
        time.sleep(60)
    if do == "overlap":
        folder = Path(os.environ["ENDCAP_LAKE_URI"])
        (folder / os.environ["TOY_ITEM"]).write_text(f"{time.time()} ")
        time.sleep(0.3)
        with (folder / os.environ["TOY_ITEM"]).open("a") as times:
            times.write(str(time.time()))
    print(json.dumps({"rows": 3, "item": os.environ.get("TOY_ITEM")}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
