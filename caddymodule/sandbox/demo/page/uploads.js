// SPDX-License-Identifier: Apache-2.0

// The list of what has arrived. It lives as long as the tab.

const list = document.getElementById("uploads");
const storageKey = "uploads";

const clientNames = { form: "HTML form", widget: "jQuery widget", uploader: "File Uploader" };

function remembered() {
	try {
		return JSON.parse(sessionStorage.getItem(storageKey)) ?? [];
	} catch {
		return []; // storage is switched off
	}
}

function remember(uploads) {
	try {
		sessionStorage.setItem(storageKey, JSON.stringify(uploads));
	} catch {
		// the list is then lost on reload, and that is all
	}
}

/** Asks the sandbox itself what it has stored, not the client what it has sent. */
async function stored(uuid) {
	const query = new URLSearchParams({ jsonerrors: 1, pub_key: document.body.dataset.publicKey, file_id: uuid });
	const response = await fetch(`/info/?${query}`);
	const info = await response.json();
	return info.error ? null : info;
}

function size(bytes) {
	const units = ["bytes", "KB", "MB", "GB"];
	let unit = 0;
	while (bytes >= 1000 && unit < units.length - 1) {
		bytes /= 1000;
		unit++;
	}
	return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
}

function element(name, properties, ...children) {
	const node = Object.assign(document.createElement(name), properties);
	node.append(...children);
	return node;
}

function entry(client, info) {
	const address = `/${info.uuid}/`;
	const picture = info.is_image
		? element("img", { src: address, alt: "", loading: "lazy" })
		: element("span", { className: "type" }, info.mime_type);
	const facts = [size(info.size)];
	if (info.image_info) {
		facts.unshift(`${info.image_info.width} × ${info.image_info.height}`);
	}
	const item = element(
		"li",
		{},
		element("a", { href: address, target: "_blank", rel: "noopener" }, picture, element("strong", {}, info.original_filename)),
		element("span", { className: "facts" }, facts.join(" · ")),
		element("span", { className: "client" }, clientNames[client]),
		element("code", {}, info.uuid),
	);
	item.dataset.uuid = info.uuid;
	item.dataset.client = client;
	return item;
}

function show(client, info) {
	list.prepend(entry(client, info));
	document.getElementById("none").hidden = true;
	document.getElementById("count").textContent = list.children.length;
}

/** Puts a file that has arrived on top of the list. */
export async function add(client, uuid) {
	const info = await stored(uuid);
	if (!info) {
		throw new Error(`The sandbox does not know the file ${uuid}. Does the gateway pass uploads on to it?`);
	}
	remember([...remembered(), { client, uuid }]);
	show(client, info);
}

const before = remembered();
const infos = await Promise.all(before.map(({ uuid }) => stored(uuid).catch(() => null)));
before.forEach(({ client }, i) => infos[i] && show(client, infos[i]));
