// SPDX-License-Identifier: Apache-2.0

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Properties;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.fileupload.FileItemIterator;
import org.apache.commons.fileupload.FileItemStream;
import org.apache.commons.fileupload.FileUpload;
import org.apache.commons.fileupload.UploadContext;

/**
 * Commons FileUpload, which Tomcat has a copy of, and which has multipart only: no
 * queries either. Names are in UTF-8, as Spring has them. See ../python/frames.py. Nothing is raised: its bounds are
 * off by default.
 */
final class CommonsFileUpload {
	private record Request(String contentType, byte[] body) implements UploadContext {
		@Override
		public String getCharacterEncoding() {
			return "UTF-8";
		}

		@Override
		public String getContentType() {
			return contentType;
		}

		@Override
		@Deprecated
		public int getContentLength() {
			return body.length;
		}

		@Override
		public long contentLength() {
			return body.length;
		}

		@Override
		public InputStream getInputStream() {
			return new ByteArrayInputStream(body);
		}
	}

	private static final Pattern CONTENT_TYPE = Pattern.compile("\"content_type\":\"([^\"]*)\"");
	private static final Pattern LENGTH = Pattern.compile("\"length\":([0-9]+)");

	public static void main(String[] arguments) throws Exception {
		InputStream in = new BufferedInputStream(System.in, 1 << 16);
		PrintStream out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
		Properties properties = new Properties();
		properties.load(FileUpload.class.getResourceAsStream("/META-INF/maven/commons-fileupload/commons-fileupload/pom.properties"));
		out.printf("{\"parser\":\"Commons FileUpload\",\"version\":\"%s\"}%n", properties.getProperty("version"));
		for (String line = line(in); line != null; line = line(in)) {
			byte[] contentType = Base64.getDecoder().decode(group(CONTENT_TYPE, line));
			byte[] body = in.readNBytes(Integer.parseInt(group(LENGTH, line)));
			out.println(read(new String(contentType, StandardCharsets.ISO_8859_1), body));
		}
	}

	private static String group(Pattern pattern, String line) {
		Matcher matcher = pattern.matcher(line);
		return matcher.find() ? matcher.group(1) : "0";
	}

	private static String line(InputStream in) throws IOException {
		ByteArrayOutputStream line = new ByteArrayOutputStream();
		for (int c = in.read(); c != '\n'; c = in.read()) {
			if (c < 0) {
				return null;
			}
			line.write(c);
		}
		return line.toString(StandardCharsets.US_ASCII);
	}

	private static String read(String contentType, byte[] body) {
		StringJoiner fields = new StringJoiner(",", "[", "]");
		StringJoiner files = new StringJoiner(",", "[", "]");
		String error = "";
		boolean unsupported = !contentType.toLowerCase().contains("multipart");
		try {
			if (body.length > 0 && !unsupported) {
				FileItemIterator items = new FileUpload().getItemIterator(new Request(contentType, body));
				while (items.hasNext()) {
					FileItemStream item = items.next();
					byte[] content = item.openStream().readAllBytes();
					if (item.isFormField()) {
						fields.add("[" + encode(item.getFieldName()) + "," + quote(content) + "]");
					} else {
						files.add("[" + encode(item.getFieldName()) + "," + encode(item.getName()) + "," + encode(item.getContentType()) + "," + content.length + ",\"" + sha256(content) + "\"]");
					}
				}
			}
		} catch (Exception e) { // whatever it throws, a server would respond with an error
			error = e.getClass().getSimpleName();
		}
		return "{\"query\":[],\"fields\":" + fields + ",\"files\":" + files + ",\"error\":\"" + error + "\",\"unsupported\":" + unsupported + "}";
	}

	private static String encode(String text) {
		return quote(text == null ? new byte[0] : text.getBytes(StandardCharsets.UTF_8));
	}

	private static String quote(byte[] text) {
		return '"' + Base64.getEncoder().encodeToString(text) + '"';
	}

	private static String sha256(byte[] content) throws Exception {
		StringBuilder text = new StringBuilder();
		for (byte b : MessageDigest.getInstance("SHA-256").digest(content)) {
			text.append(String.format("%02x", b));
		}
		return text.toString();
	}
}
