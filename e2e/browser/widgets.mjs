// SPDX-License-Identifier: Apache-2.0

// Uploads with versions of uploadcare-widget in Chromium, through the functions
// that their own dialogs call. The job comes as JSON on standard input:
// {"chromium", "arguments", "pages": [{"url", "tasks": [{"task", "files", "source"}]}]}.
// Each page has a version loaded, a form field #files, and uploads to a gateway.
// What came of each task goes as JSON to standard output: {"uuid", "failure"}.

import { text } from "node:stream/consumers";
import { chromium } from "playwright-core";

const patience = 30_000; // milliseconds, for a task

// These run in the page.
const tasks = {
	file: () => window.uploadcare.fileFrom("object", document.querySelector("#files").files[0]),
	iframe: () => window.uploadcare.fileFrom("input", document.querySelector("#files")),
	url: (source) => window.uploadcare.fileFrom("url", source),
	group: () => {
		const files = window.uploadcare.filesFrom("object", [...document.querySelector("#files").files]);
		return window.uploadcare.FileGroup(files).promise();
	},
};

const job = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({
	executablePath: job.chromium,
	args: ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", ...job.arguments],
});
try {
	const results = [];
	for (const { url, tasks } of job.pages) {
		results.push(await Promise.all(tasks.map((task) => run(url, task))));
	}
	process.stdout.write(JSON.stringify(results));
} finally {
	await browser.close();
}

async function run(url, { task, files, source }) {
	const page = await browser.newPage();
	page.setDefaultTimeout(patience);
	try {
		await page.goto(url, { waitUntil: "load" });
		await page.setInputFiles("#files", files ?? []);
		return await page.evaluate(`(${outcomeOf})((${tasks[task]})(${JSON.stringify(source ?? "")}), ${patience})`);
	} finally {
		await page.close();
	}
}

// outcomeOf runs in the page, and there waits for an upload.
function outcomeOf(upload, patience) {
	return new Promise((resolve) => {
		setTimeout(resolve, patience, { failure: "no end" });
		upload.then(
			(info) => resolve({ uuid: info.uuid }),
			(error, info) => resolve({ failure: String(error?.message ?? error), uuid: info?.uuid }),
		);
	});
}
