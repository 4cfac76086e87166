<?php
// SPDX-License-Identifier: Apache-2.0

// What PHP has made of a request by the time that a script runs, as a line of
// JSON. See ../python/frames.py.

function add(array &$list, $value, string $name): void
{
    if (is_array($value)) {
        foreach ($value as $key => $inner) {
            add($list, $inner, $name . '[' . $key . ']');
        }
        return;
    }
    $list[] = [base64_encode($name), base64_encode((string) $value)];
}

function addAll(array $values): array
{
    $list = [];
    foreach ($values as $name => $value) {
        add($list, $value, (string) $name);
    }
    return $list;
}

function addFile(array &$reading, string $name, $filename, $type, $path, $error): void
{
    if (is_array($error)) {
        foreach ($error as $key => $inner) {
            addFile($reading, $name . '[' . $key . ']', $filename[$key], $type[$key], $path[$key], $inner);
        }
        return;
    }
    if ($error === UPLOAD_ERR_NO_FILE) {
        return;
    }
    if ($error !== UPLOAD_ERR_OK) {
        $reading['error'] = 'upload error ' . $error;
        return;
    }
    $reading['files'][] = [base64_encode($name), base64_encode($filename), base64_encode($type), filesize($path), hash_file('sha256', $path)];
}

$reading = ['query' => addAll($_GET), 'fields' => addAll($_POST), 'files' => [], 'error' => '', 'version' => PHP_VERSION];
foreach ($_FILES as $name => $file) {
    addFile($reading, (string) $name, $file['name'], $file['type'], $file['tmp_name'], $file['error']);
}
echo json_encode($reading), "\n";
