using System.Net;
using System.Text;
using System.Text.Json;
using MLNetExtensions.Benchmarks.Bench;

namespace MLNetExtensions.SampleTests.Web;

/// <summary>Requests and answers of the web API.</summary>
internal static class Json
{
    private const int LongBody = 1 << 20;

    /// <summary>An answer that must be a success.</summary>
    internal static async Task<JsonElement> PostAsync(this WebServer server, string path, object body)
        => (await server.PostAsync(path, JsonSerializer.Serialize(body))).Must(HttpStatusCode.OK);

    internal static async Task<JsonElement> GetAsync(this WebServer server, string path) => (await AnswerAsync(await server.Client.GetAsync(path))).Must(HttpStatusCode.OK);

    internal static async Task<Answer> PostAsync(this WebServer server, string path, string body, string type = "application/json")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, type) };
        // A server that refuses a long body does so before it is sent, and breaks the connection where it is sent all the same.
        request.Headers.ExpectContinue = body.Length > LongBody;
        return await AnswerAsync(await server.Client.SendAsync(request));
    }

    internal static async Task<Answer> PutAsync(this WebServer server, string name, byte[] file, string? key = null) => await AnswerAsync(await server.PutModelAsync(name, file, key));

    internal static float[] Numbers(this JsonElement row) => [.. row.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Null ? float.NaN : value.GetSingle())];

    internal static float[][] Table(this JsonElement answer, string name) => [.. answer.GetProperty(name).EnumerateArray().Select(Numbers)];

    internal static long Row(this JsonElement answer) => answer.GetProperty("row").GetInt64();

    private static async Task<Answer> AnswerAsync(HttpResponseMessage response)
    {
        using (response)
        {
            return new(response.StatusCode, response.Content.Headers.ContentType?.MediaType, response.Headers.RetryAfter?.ToString(), await response.Content.ReadAsStringAsync());
        }
    }

    internal sealed record Answer(HttpStatusCode Status, string? Type, string? RetryAfter, string Text)
    {
        internal JsonElement Must(HttpStatusCode status)
        {
            Assert.AreEqual(status, Status, Text);
            return JsonDocument.Parse(Text).RootElement;
        }

        /// <summary>A refusal as clients can read it, which says why and not how the server is made.</summary>
        internal void MustBeProblem(HttpStatusCode status, string part)
        {
            var problem = Must(status);
            Assert.AreEqual("application/problem+json", Type);
            Assert.AreEqual((int)status, problem.GetProperty("status").GetInt32());
            Assert.Contains(part, Text);
            Assert.DoesNotContain("   at ", Text);
        }
    }
}
