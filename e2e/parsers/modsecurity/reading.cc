// SPDX-License-Identifier: Apache-2.0

// What libmodsecurity reads of a request, for ../python/modsecurity.py. Its C
// interface shows what it has read to rules only, its C++ interface to all.

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

namespace {

modsecurity::ModSecurity engine;
modsecurity::RulesSet rules;

using Entry = std::tuple<size_t, std::string, std::string>;

// entries returns a collection, which has no order, by the place in the request.
std::vector<Entry> entries(modsecurity::AnchoredSetVariable &collection) {
	std::vector<const modsecurity::VariableValue *> values;
	collection.resolve(&values);
	std::vector<Entry> list;
	for (const auto *value : values) {
		size_t offset = value->getOrigin().empty() ? 0 : value->getOrigin().front()->m_offset;
		list.emplace_back(offset, value->getKey(), value->getValue());
		delete value;
	}
	std::sort(list.begin(), list.end());
	return list;
}

// add adds a text with its length before it.
void add(std::string &out, const std::string &text) { out += std::to_string(text.size()) + ':' + text; }

void add(std::string &out, const std::string &kind, const std::vector<Entry> &list) {
	for (const auto &[offset, name, value] : list) {
		add(out, kind);
		add(out, name);
		add(out, value);
	}
}

}  // namespace

extern "C" {

const char *modsecurity_version() {
	return MODSECURITY_MAJOR "." MODSECURITY_MINOR "." MODSECURITY_PATCHLEVEL;
}

// modsecurity_configure returns why settings are not understood, or null.
const char *modsecurity_configure(const char *settings) {
	static std::string problem;
	if (rules.load(settings) >= 0) {
		return nullptr;
	}
	problem = rules.getParserError();
	return problem.c_str();
}

// modsecurity_read returns what is read, in kinds, names and values, until the next call.
const char *modsecurity_read(const char *method, const char *target, const char *type, size_t type_length, const char *body, size_t length, size_t *out_length) {
	static std::string out;
	out.clear();
	modsecurity::Transaction transaction(&engine, &rules, nullptr);
	transaction.processConnection("127.0.0.1", 1234, "127.0.0.1", 80);
	transaction.processURI(target, method, "1.1");
	transaction.addRequestHeader("Host", "localhost");
	if (type_length > 0) {
		transaction.addRequestHeader("Content-Type", std::string(type, type_length));
	}
	transaction.addRequestHeader("Content-Length", std::to_string(length));
	transaction.processRequestHeaders();
	transaction.appendRequestBody(reinterpret_cast<const unsigned char *>(body), length);
	transaction.processRequestBody();
	if (transaction.m_variableReqbodyError.m_value == "1") {
		add(out, "error", {{0, "", transaction.m_variableReqbodyErrorMsg.m_value + " " + transaction.m_variableReqbodyProcessorErrorMsg.m_value}});
	}
	add(out, "query", entries(transaction.m_variableArgsGet));
	add(out, "field", entries(transaction.m_variableArgsPost));
	add(out, "file", entries(transaction.m_variableFilesNames));
	add(out, "filename", entries(transaction.m_variableFiles));
	add(out, "path", entries(transaction.m_variableFilesTmpNames));
	*out_length = out.size();
	return out.data();
}

}  // extern "C"
