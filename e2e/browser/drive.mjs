// SPDX-License-Identifier: Apache-2.0

// Uploads files in Chromium as a person would. The job comes as JSON on
// standard input, what came of it goes as JSON to standard output.
//
// A page under test says how an upload ended with an element in #uploads that
// has data-client and data-uuid, or with one of class "failed" in the client's
// own section.

import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";
import { clients } from "./clients.mjs";
import { record } from "./sent.mjs";

const patience = 30_000; // milliseconds, for anything to appear

const job = JSON.parse(await text(process.stdin));

const browser = await chromium.launch({
	executablePath: job.chromium,
	args: [
		"--headless",
		"--no-sandbox",
		"--disable-gpu",
		"--disable-quic",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-sync",
		...(job.arguments ?? []),
	],
});

const page = await browser.newPage({
	colorScheme: job.dark ? "dark" : "light",
	viewport: { width: job.width || 1280, height: 900 },
});
try {
	page.setDefaultTimeout(patience);
	const log = [];
	page.on("console", (message) => log.push(`${message.type()}: ${message.text()}`));
	page.on("pageerror", (error) => log.push(`error: ${error}`));
	const sent = await record(page);

	await page.goto(job.page, { waitUntil: "load" });
	const outcomes = [];
	for (const upload of job.uploads) {
		outcomes.push(await clients[upload.client](page, upload.what));
	}
	// To Playwright, with Chromium 156, the network of a frame that a native form navigates to is
	// never idle. Its response is all there by then.
	const native = job.uploads.some(({ client }) => client === "form without JavaScript");
	try {
		await page.waitForLoadState("networkidle", native ? { timeout: 2000 } : {});
	} catch (error) {
		if (!native) {
			throw error;
		}
	}
	process.stdout.write(JSON.stringify({ outcomes, log, ...(await sent()) }));
} finally {
	await page.screenshot({ path: job.screenshot, fullPage: true });
	await browser.close();
}
