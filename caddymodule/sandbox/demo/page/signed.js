// SPDX-License-Identifier: Apache-2.0

// File Uploader with signatures from uploadcare_signature. To take this for a page of your
// own, leave out base-url and cdn-cname, and everything that has to do with the list.

import { add } from "./uploads.js";

const config = document.querySelector("uc-config");
const status = document.querySelector(".status");
const thresholdMs = 60_000; // how long before its expiry a signature is replaced

// For a page of your own, leave these out: the service's addresses are the default.
config.setAttribute("base-url", location.origin);
config.setAttribute("cdn-cname", location.origin);

function say(text, failed = false) {
	status.textContent = text;
	status.classList.toggle("failed", failed);
}

// Why there is no signature; empty if there is one. The uploader may begin, and so clear what the
// page says, only when that is known.
let missing = "";

/** Asks for a signature. Nothing for the uploader means that it uploads without one. */
async function resolveSignature() {
	try {
		const response = await fetch(status.dataset.signature, { headers: { Accept: "application/json" } });
		if (!response.ok) {
			throw new Error(`${status.dataset.signature} responded with ${response.status}`);
		}
		const { secureSignature, secureExpire } = await response.json();
		missing = "";
		return { secureSignature, secureExpire };
	} catch (error) {
		missing = `There is no signature: ${error.message}. Please try again.`;
		say(missing, true);
		return null;
	}
}

const provider = document.querySelector("uc-upload-ctx-provider");
provider.addEventListener("file-upload-success", async (event) => {
	await add("uploader", event.detail.uuid);
	say("Arrived.");
});
provider.addEventListener("file-upload-failed", (event) => {
	const [error] = event.detail.errors;
	say(missing || [error?.payload?.error?.code, error?.message].filter(Boolean).join(": "), true);
});
provider.addEventListener("file-upload-start", () => say(""));

window.addEventListener("load", () => {
	if (!window.UC) {
		const script = document.getElementById("uploader-script");
		say(`Its script could not be loaded from ${new URL(script.src).host}. Where that cannot be reached: npm install ${script.dataset.package}` +
			", and write demo_scripts <path of node_modules> in the block uploadcare_sandbox.", true);
		return;
	}
	window.UC.defineComponents(window.UC);
	config.secureUploadsSignatureResolver = resolveSignature;
	config.secureUploadsExpireThreshold = thresholdMs;
});
