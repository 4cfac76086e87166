// SPDX-License-Identifier: Apache-2.0

// Adds each upload to the list, and shows each failure. No client gets an option about
// signatures.

import { add } from "./uploads.js";

/** Says in a client's card how its upload ended. */
function say(client, text, failed = false) {
	const status = document.querySelector(`#${client} .status`);
	status.textContent = text;
	status.classList.toggle("failed", failed);
}

function failed(client, code, message) {
	say(client, [code, message].filter(Boolean).join(": ") || "The upload failed, with no response that this page may read.", true);
}

async function arrived(client, uuid) {
	try {
		await add(client, uuid);
		say(client, "Arrived.");
	} catch (error) {
		failed(client, "", error.message);
	}
}

// The form: with JavaScript, the page stays and the response is read here.
const form = document.querySelector("#form form");
const frame = document.querySelector("#form iframe");
frame.hidden = true;
form.addEventListener("submit", async (event) => {
	const native = event.submitter?.hasAttribute("data-native") ?? false;
	frame.hidden = !native;
	say("form", "");
	if (native) {
		return;
	}
	event.preventDefault();
	// Past the gateway is where this page comes from: the sandbox, which insists on signatures.
	const past = event.submitter?.hasAttribute("data-past") ?? false;
	try {
		const response = await fetch(past ? "/base/" : form.action, { method: "POST", body: new FormData(form) });
		const text = await response.text();
		if (!response.ok) {
			failed("form", response.status, past ? `${text} So much for the same file without the gateway.` : text);
			return;
		}
		await arrived("form", JSON.parse(text).file);
	} catch (error) {
		failed("form", "", error.message);
	}
});

// Previews come from where the files are kept, which is here. This runs before
// the uploaders do.
document.querySelector("#widget input").dataset.cdnBase = location.origin;
document.querySelector("#uploader uc-config").setAttribute("cdn-cname", location.origin);

document.querySelector("#uploader uc-upload-ctx-provider").addEventListener("file-upload-success", (event) => {
	arrived("uploader", event.detail.uuid);
});
document.querySelector("#uploader uc-upload-ctx-provider").addEventListener("file-upload-failed", (event) => {
	const [error] = event.detail.errors;
	failed("uploader", error?.payload?.error?.code, error?.message);
});

/** Says what to do where the place that a client's script comes from cannot be reached. */
function missing(client) {
	const script = document.getElementById(`${client}-script`);
	return `Its script could not be loaded from ${new URL(script.src).host}. Where that cannot be reached: npm install ${script.dataset.package}` +
		", and write demo_scripts <path of node_modules> in the block uploadcare_sandbox.";
}

window.addEventListener("load", () => {
	if (window.UC) {
		window.UC.defineComponents(window.UC);
	} else {
		failed("uploader", "", missing("uploader"));
	}
	if (!window.uploadcare) {
		failed("widget", "", missing("widget"));
		return;
	}
	window.uploadcare.Widget("#widget input").onChange((file) => {
		say("widget", "");
		file?.done((info) => arrived("widget", info.uuid)).fail((_type, _info, error) => {
			failed("widget", error?.code, error?.message);
		});
	});
});
