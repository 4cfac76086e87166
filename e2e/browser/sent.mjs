// SPDX-License-Identifier: Apache-2.0

// What a page sends. The driver sees every request, but not the body of one
// that holds a file; so the fields are noted in the page, before they are sent.

/** Notes all requests of the page and of its frames. */
export async function record(page) {
	const requests = [];
	const fields = [];
	page.on("request", (request) => {
		const { method, url } = { method: request.method(), url: request.url() };
		requests.push(
			request.allHeaders().then(
				(headers) => ({ method, url, headers }),
				() => ({ method, url, headers: request.headers() }), // it never left
			),
		);
	});
	await page.exposeFunction("noteField", (field) => void fields.push(field));
	await page.addInitScript(watchBodies);
	return async () => ({ requests: await Promise.all(requests), fields });
}

// watchBodies runs in the page.
function watchBodies() {
	const note = (body) => {
		if (typeof body === "string") {
			body = new URLSearchParams(body);
		}
		if (body instanceof FormData || body instanceof URLSearchParams) {
			for (const [name, value] of body) {
				window.noteField({ name, value: typeof value === "string" ? value : "", file: typeof value !== "string" });
			}
		}
	};
	const { send } = XMLHttpRequest.prototype;
	XMLHttpRequest.prototype.send = function (body) {
		note(body);
		return send.call(this, body);
	};
	const { fetch } = window;
	window.fetch = function (resource, options) {
		note(options?.body);
		return fetch.call(this, resource, options);
	};
	document.addEventListener("submit", (event) => {
		if (!event.defaultPrevented) {
			note(new FormData(event.target));
		}
	});
}
