using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Text.Json;
using Microsoft.ML;
using MLNetExtensions.Benchmarks.Bench;

namespace MLNetExtensions.SampleTests.Web;

/// <summary>The web API as its clients see it: a process of its own, asked over the network.</summary>
[TestClass]
public sealed partial class WebApiTests
{
    private const int Channels = 3;
    private const int Window = 96;
    private const int Horizon = 24;
    private const int Clients = 8;

    private static readonly string[] s_models = ["forecaster", "classifier", "completion"];
    private static readonly float[] s_imbalance = [2.4f, 0.5f, 0.3f, 0.2f, 0.2f, 0.2f, 0.1f, 0.1f];

    private static DirectoryInfo s_folder = null!;
    private static WebServer s_server = null!;

    private DirectoryInfo _folder = null!;

    [ClassInitialize]
    public static async Task StartServer(TestContext context)
    {
        _ = context;
        s_folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");
        s_server = await WebServer.StartAsync(s_folder.FullName);
        await s_server.ReadyAsync();
    }

    [ClassCleanup]
    public static async Task StopServer()
    {
        await s_server.DisposeAsync();
        s_folder.Delete(recursive: true);
    }

    [TestInitialize]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("MLNetExtensionsTests");

    [TestCleanup]
    public void DeleteFolder() => _folder.Delete(recursive: true);

    // ---- Good requests ----

    [TestMethod]
    public async Task ForecastsHaveBoundsAsFarAsTheModelReaches()
    {
        var forecast = await s_server.PostAsync("forecast", new { });
        var (values, lower, upper) = (forecast.Table("forecast"), forecast.Table("lower"), forecast.Table("upper"));
        Assert.HasCount(Horizon, values);
        Assert.HasCount(Channels, forecast.GetProperty("channels").EnumerateArray().ToArray());
        for (var step = 0; step < Horizon; step++)
        {
            for (var channel = 0; channel < Channels; channel++)
            {
                Assert.IsLessThan(values[step][channel], lower[step][channel]);
                Assert.IsGreaterThan(values[step][channel], upper[step][channel]);
            }
        }
        var longer = await s_server.PostAsync("forecast", new { horizon = 2 * Horizon });
        Assert.IsTrue(longer.Table("forecast")[^1].All(float.IsFinite));
        Assert.IsTrue(longer.Table("lower")[Horizon].All(float.IsNaN), "JSON has no NaN: bounds that there are not are null.");
        CollectionAssert.AreEqual(values[^1], longer.Table("forecast")[Horizon - 1]);
    }

    [TestMethod]
    public async Task ForecastsFromAHistoryOfTheClientEqualThoseOfTheReadings()
    {
        var history = (await s_server.GetAsync($"history?last={Window}")).Table("rows");
        var own = await s_server.PostAsync("forecast", new { history, horizon = 30 });
        Assert.AreEqual(JsonValueKind.Null, own.GetProperty("row").ValueKind);
        var shared = await s_server.PostAsync("forecast", new { horizon = 30 });
        Assert.AreEqual(shared.GetProperty("forecast").ToString(), own.GetProperty("forecast").ToString());
    }

    [TestMethod]
    public async Task ReadingsOfAllClientsAreOneSeries()
    {
        const int RowsOfClient = 20;
        var before = (await s_server.PostAsync("forecast", new { })).Row();
        var rows = await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            var last = new List<long>();
            for (var i = 0; i < RowsOfClient; i++)
            {
                var taken = await s_server.PostAsync("readings", new { rows = new[] { new float[] { 80 + client, 90 + i, 100 } } });
                last.Add(taken.Row());
                Assert.IsGreaterThanOrEqualTo(last[^1], (await s_server.PostAsync("forecast", new { })).Row());
            }
            return last;
        }));
        CollectionAssert.AreEqual(Enumerable.Range(1, Clients * RowsOfClient).Select(i => before + i).ToArray(), rows.SelectMany(last => last).Order().ToArray());
        var history = await s_server.GetAsync($"history?last={Clients * RowsOfClient}");
        Assert.AreEqual(before + 1, history.GetProperty("firstRow").GetInt64());
        var series = history.Table("rows");
        for (var client = 0; client < Clients; client++)
        {
            // Each of them once, in the order in which the client sent them.
            CollectionAssert.AreEqual(Enumerable.Range(0, RowsOfClient).Select(i => 90f + i).ToArray(), series.Where(row => row[0] == 80 + client).Select(row => row[1]).ToArray());
        }
    }

    [TestMethod]
    public async Task ReadingsMoveTheForecast()
    {
        var before = (await s_server.PostAsync("forecast", new { })).Table("forecast")[0];
        await s_server.PostAsync("readings", new { rows = Enumerable.Repeat(new float[] { 200, 210, 220 }, 5) });
        Assert.IsGreaterThan(before[0] + 5, (await s_server.PostAsync("forecast", new { })).Table("forecast")[0][0]);
    }

    [TestMethod]
    public async Task RowsAreClassified()
    {
        var results = (await s_server.PostAsync("classify", new { rows = new[] { s_imbalance, [.. Enumerable.Repeat(9f, 8)] } })).GetProperty("results").EnumerateArray().ToArray();
        Assert.AreEqual("imbalance", results[0].GetProperty("label").GetString());
        Assert.IsGreaterThan(0.5f, results[0].GetProperty("scores").GetProperty("imbalance").GetSingle());
        Assert.AreEqual(JsonValueKind.Null, results[1].GetProperty("label").ValueKind, "Like none of the classes.");
    }

    [TestMethod]
    public async Task CellsAreCompletedAndRecommended()
    {
        var results = (await s_server.PostAsync("complete", new { cells = new[] { new { user = "user 001", film = "film 03", time = "night" }, new { user = "nobody", film = "film 03", time = "never" } } }))
            .GetProperty("results").EnumerateArray().ToArray();
        Assert.IsTrue(results[0].GetProperty("value").GetSingle() is > 0 and < 6);
        Assert.AreEqual("[\"user\",\"time\"]", results[1].GetProperty("unknown").ToString());
        Assert.IsTrue(float.IsFinite(results[1].GetProperty("value").GetSingle()));

        var best = await s_server.PostAsync("recommend", new { user = "user 001", time = "night", top = 3 });
        Assert.AreEqual("film", best.GetProperty("mode").GetString());
        string[] Keys(JsonElement answer) => [.. answer.GetProperty("results").EnumerateArray().Select(one => one.GetProperty("key").GetString()!)];
        Assert.HasCount(3, Keys(best));
        var others = Keys(await s_server.PostAsync("recommend", new { user = "user 001", time = "night", top = 3, exclude = Keys(best)[..1] }));
        CollectionAssert.AreEqual(Keys(best)[1..], others[..2]);
        // The value of a recommendation is that of its cell.
        var cell = await s_server.PostAsync("complete", new { cells = new[] { new { user = "user 001", film = Keys(best)[0], time = "night" } } });
        Assert.AreEqual(best.GetProperty("results")[0].GetProperty("value").GetSingle(), cell.GetProperty("results")[0].GetProperty("value").GetSingle(), 1e-5f);
    }

    // ---- Bad requests ----

    [TestMethod]
    [DataRow("forecast", """{"horizon":0}""", "horizon")]
    [DataRow("forecast", """{"horizon":100000}""", "horizon")]
    [DataRow("forecast", """{"horizon":"24"}""", "$.horizon")]
    [DataRow("forecast", """{"horizont":24}""", "horizont")]
    [DataRow("forecast", """{"history":[[1,2,3]]}""", "96 to")]
    [DataRow("readings", """{"rows":[]}""", "rows")]
    [DataRow("readings", """{"rows":null}""", "$.rows")]
    [DataRow("readings", """{}""", "rows")]
    [DataRow("readings", """{"rows":[null]}""", "rows[0]")]
    [DataRow("readings", """{"rows":[[1,2]]}""", "rows[0]")]
    [DataRow("readings", """{"rows":[[1,2,3],[1,2,3,4]]}""", "rows[1]")]
    [DataRow("readings", """{"rows":[[1,2,NaN]]}""", "$.rows[0][2]")]
    [DataRow("readings", """{"rows":[[1,2,"NaN"]]}""", "$.rows[0][2]")]
    [DataRow("readings", """{"rows":[[1,2,null]]}""", "$.rows[0][2]")]
    [DataRow("readings", """{"rows":[[1,2,1e39]]}""", "rows[0][2]")]
    [DataRow("readings", """{"rows":[[1,2,3]],"row":7}""", "row")]
    [DataRow("readings", "no JSON", "$")]
    [DataRow("readings", "", "request")]
    [DataRow("classify", """{"rows":[[1,2,3]]}""", "8 values")]
    [DataRow("classify", """{"rows":[["a",2,3,4,5,6,7,8]]}""", "$.rows[0][0]")]
    [DataRow("complete", """{"cells":[]}""", "cells")]
    [DataRow("complete", """{"cells":[{"user":"a","film":"b"}]}""", "time")]
    [DataRow("complete", """{"cells":[{"user":"a","film":"b","time":""}]}""", "cells[0].time")]
    [DataRow("complete", """{"cells":[null]}""", "cells[0]")]
    [DataRow("recommend", """{"user":"a"}""", "All but one")]
    [DataRow("recommend", """{"user":"a","film":"b","time":"c"}""", "All but one")]
    [DataRow("recommend", """{"user":"a","film":"b","top":0}""", "top")]
    [DataRow("recommend", """{"user":"a","film":"b","exclude":[null]}""", "exclude[0]")]
    public async Task ABadRequestIsToldWhatIsWrong(string path, string body, string part)
    {
        var row = (await s_server.PostAsync("forecast", new { })).Row();
        (await s_server.PostAsync(path, body)).MustBeProblem(HttpStatusCode.BadRequest, part);
        Assert.AreEqual(row, (await s_server.PostAsync("forecast", new { })).Row(), "Some of the readings were taken.");
    }

    [TestMethod]
    public async Task TooMuchIsRefused()
    {
        (await s_server.PostAsync("readings", JsonSerializer.Serialize(new { rows = Enumerable.Repeat(new float[Channels], 257) }))).MustBeProblem(HttpStatusCode.BadRequest, "1 to 256");
        (await s_server.PostAsync("readings", new string(' ', 2 << 20))).MustBeProblem(HttpStatusCode.RequestEntityTooLarge, "Too Large");
        (await s_server.PostAsync("readings", new string('[', 1000))).MustBeProblem(HttpStatusCode.BadRequest, "$");
        (await s_server.PostAsync("complete", JsonSerializer.Serialize(new { cells = new[] { new { user = new string('a', 300), film = "b", time = "c" } } }))).MustBeProblem(HttpStatusCode.BadRequest, "cells[0].user");
        (await s_server.PostAsync("forecast", "{}", "text/plain")).MustBeProblem(HttpStatusCode.UnsupportedMediaType, "415");
    }

    [TestMethod]
    public async Task AddressesThatAreNotThereAreProblemsToo()
    {
        foreach (var (path, status) in new[] { ("nothing", HttpStatusCode.NotFound), ("classify", HttpStatusCode.MethodNotAllowed), ("history?last=0", HttpStatusCode.BadRequest), ("history?last=x", HttpStatusCode.BadRequest) })
        {
            using var response = await s_server.Client.GetAsync(path);
            Assert.AreEqual(status, response.StatusCode, path);
            Assert.AreEqual("application/problem+json", response.Content.Headers.ContentType?.MediaType, path);
        }
    }

    // ---- Models ----

    [TestMethod]
    public async Task ModelsAreReplacedUnderLoadWithoutAFailedRequest()
    {
        var load = new WebLoad(s_server, Clients);
        using var stop = new CancellationTokenSource();
        var running = load.RunAsync(stop.Token);
        for (var round = 0; round < 2; round++)
        {
            foreach (var name in s_models)
            {
                var file = SavedAgain(name);
                var before = await VersionAsync(name);
                var info = (await s_server.PutAsync(name, file)).Must(HttpStatusCode.OK);
                Assert.AreNotEqual(before, await VersionAsync(name));
                Assert.AreEqual(await VersionAsync(name), info.GetProperty("version").GetString());
                Assert.AreEqual(name, info.GetProperty("name").GetString());
            }
            Assert.IsFalse(running.IsCompleted);
        }
        await stop.CancelAsync();
        await running;
        Assert.IsEmpty(load.Errors, string.Join('\n', load.Errors.Take(5)));
        Assert.IsNotEmpty(load.Times.ToArray());
        // Answers name the model that gave them.
        Assert.AreEqual(await VersionAsync("forecaster"), (await s_server.PostAsync("forecast", new { })).GetProperty("model").GetString());
        AssertOnlyModels(s_folder);
    }

    [TestMethod]
    public async Task ABrokenFileIsRefusedAndTheOldModelServes()
    {
        foreach (var name in s_models)
        {
            var version = await VersionAsync(name);
            var good = File.ReadAllBytes(FileOf(s_folder, name));
            var other = File.ReadAllBytes(FileOf(s_folder, s_models[(Array.IndexOf(s_models, name) + 1) % s_models.Length]));
            var damaged = (byte[])good.Clone();
            damaged.AsSpan(damaged.Length / 2, 16).Reverse();
            foreach (var file in new[] { [], [1, 2, 3], good[..(good.Length / 2)], damaged, other })
            {
                (await s_server.PutAsync(name, file)).MustBeProblem(HttpStatusCode.UnprocessableEntity, name);
            }
            Assert.AreEqual(version, await VersionAsync(name));
            CollectionAssert.AreEqual(good, File.ReadAllBytes(FileOf(s_folder, name)));
        }
        (await s_server.PutAsync("another", [1])).MustBeProblem(HttpStatusCode.NotFound, "forecaster, classifier, completion");
        Assert.AreEqual("imbalance", (await s_server.PostAsync("classify", new { rows = new[] { s_imbalance } })).GetProperty("results")[0].GetProperty("label").GetString());
        AssertOnlyModels(s_folder);
    }

    // ---- Checkpoints ----

    [TestMethod]
    public async Task AServerThatIsKilledGoesOnFromItsCheckpoint()
    {
        CopyModels(_folder);
        long row;
        string forecast, version;
        await using (var first = await (await WebServer.StartAsync(_folder.FullName)).ReadyAsync())
        {
            await first.PostAsync("readings", new { rows = Enumerable.Range(0, 30).Select(i => new float[] { 90 + i % 5, 95, 100 - i % 7 }) });
            // Also the state of a model that came later.
            (await first.PutAsync("forecaster", SavedAgain("forecaster"))).Must(HttpStatusCode.OK);
            await first.PostAsync("readings", new { rows = new[] { new float[] { 77, 88, 99 } } });
            row = (await first.PostAsync("checkpoint", new { })).Row();
            var answer = await first.PostAsync("forecast", new { });
            Assert.AreEqual(row, answer.Row());
            (forecast, version) = (answer.GetProperty("forecast").ToString(), answer.GetProperty("model").GetString()!);
            // Lost: it comes after the checkpoint, and the process is killed.
            await first.PostAsync("readings", new { rows = new[] { new float[] { 1, 2, 3 } } });
        }
        await using var second = await (await WebServer.StartAsync(_folder.FullName)).ReadyAsync();
        var again = await second.PostAsync("forecast", new { });
        Assert.AreEqual(row, again.Row());
        Assert.AreEqual(forecast, again.GetProperty("forecast").ToString());
        Assert.AreEqual(version, again.GetProperty("model").GetString());
        var history = await second.GetAsync("history?last=2");
        CollectionAssert.AreEqual(new float[] { 77, 88, 99 }, history.Table("rows")[^1]);
        AssertOnlyModels(_folder);
    }

    [TestMethod]
    public async Task AServerThatIsStoppedEndsItsRequestsAndSavesTheReadings()
    {
        CopyModels(_folder);
        long row;
        await using (var first = await (await WebServer.StartAsync(_folder.FullName)).ReadyAsync())
        {
            row = (await first.PostAsync("readings", new { rows = new[] { new float[] { 77, 88, 99 } } })).Row();
            // Somebody who follows the readings does not hold up the end.
            using var follower = await first.Client.GetAsync("events", HttpCompletionOption.ResponseHeadersRead);
            Assert.AreEqual(0, await first.StopAsync(), first.Log);
            Assert.Contains($"row\ndata: {row}", await follower.Content.ReadAsStringAsync());
        }
        await using var second = await (await WebServer.StartAsync(_folder.FullName)).ReadyAsync();
        Assert.AreEqual(row, (await second.PostAsync("forecast", new { })).Row());
    }

    [TestMethod]
    public async Task AFolderThatCannotBeWrittenIsAnErrorAndNotTheEnd()
    {
        CopyModels(_folder);
        await using var server = await (await WebServer.StartAsync(_folder.FullName)).ReadyAsync();
        var row = (await server.PostAsync("readings", new { rows = new[] { new float[] { 77, 88, 99 } } })).Row();
        // A folder has the place of the file, whoever is asked to write it.
        File.Delete(FileOf(_folder, "forecaster"));
        Directory.CreateDirectory(FileOf(_folder, "forecaster"));
        (await server.PostAsync("checkpoint", "{}")).MustBeProblem(HttpStatusCode.InternalServerError, "500");
        (await server.PutAsync("forecaster", SavedAgain("forecaster"))).MustBeProblem(HttpStatusCode.InternalServerError, "500");
        Assert.AreEqual(row, (await server.PostAsync("forecast", new { })).Row());
        Directory.Delete(FileOf(_folder, "forecaster"));
        Assert.AreEqual(row, (await server.PostAsync("checkpoint", new { })).Row());
        AssertOnlyModels(_folder);
    }

    // ---- Operation ----

    [TestMethod]
    public async Task OverloadIsAnsweredByComeAgain()
    {
        CopyModels(_folder);
        await using var server = await (await WebServer.StartAsync(_folder.FullName, "EnginesPerModel=1", "QueueLength=1", "MostListeners=1")).ReadyAsync();
        var body = JsonSerializer.Serialize(new { cells = Enumerable.Range(0, 256).Select(i => new { user = $"user {i % 100:D3}", film = "film 01", time = "night" }) });
        var answers = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => server.PostAsync("complete", body)));
        Assert.IsTrue(answers.Any(answer => answer.Status == HttpStatusCode.OK));
        var refused = answers.Where(answer => answer.Status != HttpStatusCode.OK).ToArray();
        Assert.IsNotEmpty(refused);
        foreach (var answer in refused)
        {
            answer.MustBeProblem(HttpStatusCode.ServiceUnavailable, "completion");
            Assert.AreEqual("1", answer.RetryAfter);
        }
        // Afterwards all is as before, and other models never noticed.
        (await server.PostAsync("complete", body)).Must(HttpStatusCode.OK);
        using var follower = await server.Client.GetAsync("events", HttpCompletionOption.ResponseHeadersRead);
        using var tooMany = await server.Client.GetAsync("events", HttpCompletionOption.ResponseHeadersRead);
        Assert.AreEqual(HttpStatusCode.OK, follower.StatusCode);
        Assert.AreEqual(HttpStatusCode.ServiceUnavailable, tooMany.StatusCode);
    }

    [TestMethod]
    public async Task OnlyWhoHasTheKeyReplacesModels()
    {
        CopyModels(_folder);
        await using var server = await (await WebServer.StartAsync(_folder.FullName, "AdminKey=secret")).ReadyAsync();
        var file = SavedAgain("classifier");
        (await server.PutAsync("classifier", file)).MustBeProblem(HttpStatusCode.Unauthorized, "X-Api-Key");
        (await server.PutAsync("classifier", file, "other")).MustBeProblem(HttpStatusCode.Unauthorized, "X-Api-Key");
        (await server.PostAsync("checkpoint", "{}")).MustBeProblem(HttpStatusCode.Unauthorized, "X-Api-Key");
        (await server.PutAsync("classifier", file, "secret")).Must(HttpStatusCode.OK);
    }

    [TestMethod]
    public async Task AModelThatIsBrokenAtTheStartIsNamedAndCanBeReplaced()
    {
        CopyModels(_folder);
        var good = File.ReadAllBytes(FileOf(_folder, "classifier"));
        File.WriteAllBytes(FileOf(_folder, "classifier"), good[..100]);
        File.Delete(FileOf(_folder, "forecaster"));
        await using var server = await WebServer.StartAsync(_folder.FullName, "TrainMissing=false");
        JsonElement models;
        do
        {
            using var health = await server.Client.GetAsync("health");
            Assert.AreEqual(HttpStatusCode.ServiceUnavailable, health.StatusCode);
            models = JsonDocument.Parse(await health.Content.ReadAsStringAsync()).RootElement.GetProperty("models");
        }
        while (models.EnumerateObject().Any(model => model.Value.GetString() == "loading"));
        Assert.AreEqual("ready", models.GetProperty("completion").GetString());
        Assert.Contains("classifier.mlnet", models.GetProperty("classifier").GetString()!);
        await server.GetAsync("health/live");
        await server.PostAsync("complete", new { cells = new[] { new { user = "user 001", film = "film 03", time = "night" } } });
        (await server.PostAsync("classify", JsonSerializer.Serialize(new { rows = new[] { s_imbalance } }))).MustBeProblem(HttpStatusCode.ServiceUnavailable, "classifier.mlnet");
        (await server.PostAsync("readings", """{"rows":[[1,2,3]]}""")).MustBeProblem(HttpStatusCode.ServiceUnavailable, "forecaster.mlnet");

        (await server.PutAsync("classifier", good)).Must(HttpStatusCode.OK);
        (await server.PutAsync("forecaster", File.ReadAllBytes(FileOf(s_folder, "forecaster")))).Must(HttpStatusCode.OK);
        await server.GetAsync("health/ready");
        await server.PostAsync("readings", new { rows = new[] { new float[] { 1, 2, 3 } } });
    }

    [TestMethod]
    public async Task MetricsAreThereForPrometheus()
    {
        await s_server.PostAsync("classify", new { rows = new[] { s_imbalance } });
        var row = (await s_server.PostAsync("readings", new { rows = new[] { new float[] { 90, 95, 100 } } })).Row();
        (await s_server.PutAsync("classifier", [1])).MustBeProblem(HttpStatusCode.UnprocessableEntity, "classifier");
        using var response = await s_server.Client.GetAsync("metrics");
        Assert.AreEqual("text/plain", response.Content.Headers.ContentType?.MediaType);
        string[] lines = (await response.Content.ReadAsStringAsync()).Split('\n');
        Assert.AreEqual(row, Value("webapi_forecast_row{"));
        Assert.IsGreaterThanOrEqualTo(1, Value("webapi_readings_total{"));
        Assert.IsGreaterThanOrEqualTo(1, Value("webapi_models_replaced_total{", "outcome=\"refused\"", "model=\"classifier\""));
        Assert.IsGreaterThanOrEqualTo(1, Value("webapi_scoring_duration_seconds_count{", "operation=\"classify\""));
        Assert.AreEqual(0, Value("webapi_engines_used{", "model=\"classifier\""));
        Assert.IsGreaterThanOrEqualTo(1, Value("http_server_request_duration_seconds_count{", "/classify"));

        double Value(string name, params string[] parts)
        {
            var line = lines.FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal) && parts.All(part => line.Contains(part, StringComparison.Ordinal)));
            Assert.IsNotNull(line, $"{name} {string.Join(' ', parts)} in\n{string.Join('\n', lines)}");
            return double.Parse(line[(line.LastIndexOf('}') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture);
        }
    }

    [TestMethod]
    public async Task TheOpenApiDocumentListsAllEndpoints()
    {
        var document = await s_server.GetAsync("openapi/v1.json");
        string[] operations = [.. document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name} {path.Name}")).Order(StringComparer.Ordinal)];
        CollectionAssert.AreEqual(new[]
        {
            "get /events", "get /health", "get /health/live", "get /health/ready", "get /history", "get /metrics", "get /models",
            "post /checkpoint", "post /classify", "post /complete", "post /forecast", "post /readings", "post /recommend", "put /models/{name}",
        }, operations, string.Join(", ", operations));
        foreach (var operation in document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()))
        {
            Assert.IsFalse(string.IsNullOrEmpty(operation.Value.GetProperty("summary").GetString()));
        }
        var request = document.GetProperty("components").GetProperty("schemas").GetProperty("ReadingsRequest");
        Assert.AreEqual("rows", request.GetProperty("required")[0].GetString());
        Assert.IsFalse(request.GetProperty("additionalProperties").GetBoolean());
    }

    private static string FileOf(DirectoryInfo folder, string name) => Path.Combine(folder.FullName, name + ".mlnet");

    private static void CopyModels(DirectoryInfo folder)
    {
        foreach (var name in s_models)
        {
            File.Copy(FileOf(s_folder, name), FileOf(folder, name));
        }
    }

    private static void AssertOnlyModels(DirectoryInfo folder)
        => CollectionAssert.AreEqual(s_models.Select(name => name + ".mlnet").Order().ToArray(), folder.EnumerateFileSystemInfos().Select(file => file.Name).Order().ToArray());

    private static async Task<string> VersionAsync(string name)
        => (await s_server.GetAsync("models")).EnumerateArray().Single(model => model.GetProperty("name").GetString() == name).GetProperty("version").GetString()!;

    /// <summary>The same model in another file, as a new training would make it.</summary>
    private static byte[] SavedAgain(string name)
    {
        var ml = new MLContext();
        var model = ml.Model.Load(FileOf(s_folder, name), out var schema);
        using var loaded = (IDisposable)model;
        using var file = new MemoryStream();
        ml.Model.Save(model, schema, file);
        using (var zip = new ZipArchive(file, ZipArchiveMode.Update, leaveOpen: true))
        {
            // No two files are the same.
            zip.CreateEntry(Guid.NewGuid().ToString("N"));
        }
        return file.ToArray();
    }
}
