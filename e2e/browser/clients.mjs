// SPDX-License-Identifier: Apache-2.0

// How a person uploads files with each of the clients, and how that ends.

export const clients = {
	form: async (page, files) => {
		await choose(page, files, "#form-file");
		await page.getByRole("button", { name: "Upload", exact: true }).click();
		return ended(page, "form");
	},

	"form past the gateway": async (page, files) => {
		await choose(page, files, "#form-file");
		await page.getByRole("button", { name: "Past the gateway" }).click();
		return ended(page, "form");
	},

	// A page that needs a script which it cannot get says so by itself.
	"without its script": (page, [client]) => ended(page, client),

	// The response is all there is: the page cannot read it.
	"form without JavaScript": async (page, files) => {
		await choose(page, files, "#form-file");
		const responded = page.waitForResponse((response) => response.request().method() === "POST");
		await page.getByRole("button", { name: "Without JavaScript" }).click();
		await (await responded).finished();
		const response = await page.frameLocator("iframe[name=response]").locator("body").innerText();
		return { response };
	},

	widget: async (page, files) => {
		await openWidget(page);
		await choose(page, files, page.getByRole("button", { name: "Choose a local file" }));
		return ended(page, "widget");
	},

	"widget from URL": async (page, [url]) => {
		await openWidget(page);
		await page.getByTitle("Direct Link").click();
		await page.getByPlaceholder("Paste your link here").fill(url);
		await page.getByRole("button", { name: "Upload", exact: true }).last().click();
		return ended(page, "widget");
	},

	"widget with many": async (page, files) => {
		await page.locator("#widget").getByRole("button", { name: "Choose files" }).click();
		await choose(page, files, page.getByRole("button", { name: "Choose a local file" }));
		await page.getByRole("button", { name: "Add", exact: true }).click();
		return ended(page, "widget");
	},

	uploader: async (page, files) => {
		await openUploader(page);
		await choose(page, files, page.getByRole("button", { name: "From device" }));
		return closed(page, await ended(page, "uploader"));
	},

	"uploader from URL": async (page, [url]) => {
		await openUploader(page);
		await page.getByRole("button", { name: "From link" }).click();
		await page.locator("#uploader uc-url-source input").fill(url);
		await page.getByRole("button", { name: "Import", exact: true }).click();
		return closed(page, await ended(page, "uploader"));
	},

	client: async (page, files) => {
		await choose(page, files, "#client input");
		return ended(page, "client");
	},
};

function openWidget(page) {
	return page.locator("#widget").getByRole("button", { name: "Choose a file" }).click();
}

function openUploader(page) {
	return page.locator("#uploader").getByRole("button", { name: "Upload file" }).click();
}

// closed shuts File Uploader's window, which stays open beside its outcome.
async function closed(page, outcome) {
	if (outcome.uuid) {
		await page.getByRole("button", { name: "Done" }).click();
	}
	return outcome;
}

async function choose(page, files, button) {
	const chooser = page.waitForEvent("filechooser");
	await (typeof button === "string" ? page.locator(button) : button).click();
	await (await chooser).setFiles(files);
}

/** Waits until the page says that the client's upload arrived or failed. */
async function ended(page, client) {
	const arrived = page.locator(`#uploads [data-client="${client}"]`).first();
	const failed = page.locator(`#${client} .failed`);
	await arrived.or(failed).first().waitFor();
	if (await failed.isVisible()) {
		return { failure: await failed.innerText() };
	}
	return { uuid: await arrived.getAttribute("data-uuid") };
}
