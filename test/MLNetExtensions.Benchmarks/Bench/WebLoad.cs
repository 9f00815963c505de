using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Clients that ask the web API of the samples for one thing after the other, and what they were answered.</summary>
internal sealed class WebLoad(WebServer server, int clients)
{
    private const int Channels = 3;
    private const int RowsOfHistory = 168;

    // Each client goes round in this mix, from a place of its own.
    private static readonly string[] s_mix = ["forecast", "readings", "classify", "forecast", "complete", "forecast from history", "classify", "recommend"];

    private readonly List<(string Operation, double Milliseconds)>[] _times = [.. Enumerable.Range(0, clients).Select(_ => new List<(string, double)>())];
    private readonly List<string> _errors = [];
    private float[][] _history = [];
    private long _acknowledged;

    public IReadOnlyList<string> Errors => _errors;

    /// <summary>The latencies of all answers since the last call of <see cref="Forget"/>.</summary>
    public IEnumerable<(string Operation, double Milliseconds)> Times => _times.SelectMany(times => times);

    /// <summary>Begins to count again.</summary>
    public void Forget()
    {
        foreach (var times in _times)
        {
            times.Clear();
        }
    }

    /// <summary>Runs all clients until they are told to stop; a request that has begun is ended.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var history = await server.Client.GetFromJsonAsync<JsonElement>($"history?last={RowsOfHistory}", CancellationToken.None);
        _history = history.GetProperty("rows").Deserialize<float[][]>()!;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => AskAsync(client, stop), CancellationToken.None)));
    }

    private async Task AskAsync(int client, CancellationToken stop)
    {
        var random = new Random(client);
        for (var turn = client; !stop.IsCancellationRequested; turn++)
        {
            var operation = s_mix[turn % s_mix.Length];
            var (path, body) = Request(operation, random);
            var acknowledged = Interlocked.Read(ref _acknowledged);
            var start = Stopwatch.GetTimestamp();
            try
            {
                using var response = await server.Client.PostAsJsonAsync(path, body, CancellationToken.None);
                var text = await response.Content.ReadAsStringAsync(CancellationToken.None);
                _times[client].Add((operation, Stopwatch.GetElapsedTime(start).TotalMilliseconds));
                if (!response.IsSuccessStatusCode)
                {
                    Fail($"{operation}: {(int)response.StatusCode} {text}");
                }
                else if (operation is "forecast" or "readings")
                {
                    CheckRow(operation, text, acknowledged);
                }
            }
            catch (HttpRequestException e)
            {
                Fail($"{operation}: {e.Message}");
            }
        }
    }

    /// <summary>What one client was told of, no client may be told to be still to come.</summary>
    private void CheckRow(string operation, string answer, long acknowledged)
    {
        using var json = JsonDocument.Parse(answer);
        var row = json.RootElement.GetProperty("row").GetInt64();
        if (row < acknowledged)
        {
            Fail($"{operation}: row {row} after row {acknowledged}.");
        }
        for (var known = acknowledged; known < row; known = Interlocked.Read(ref _acknowledged))
        {
            if (Interlocked.CompareExchange(ref _acknowledged, row, known) == known)
            {
                break;
            }
        }
    }

    private (string Path, object Body) Request(string operation, Random random)
    {
        return operation switch
        {
            "forecast" => ("forecast", new { }),
            "forecast from history" => ("forecast", new { history = _history, horizon = 48 }),
            "readings" => ("readings", new { rows = new[] { Values(Channels, 80, 20) } }),
            "classify" => ("classify", new { rows = new[] { Values(8, 0, 2), Values(8, 0, 2) } }),
            "complete" => ("complete", new { cells = Enumerable.Range(0, 4).Select(_ => new { user = User(), film = $"film {1 + random.Next(60):D2}", time = "night" }) }),
            "recommend" => ("recommend", new { user = User(), time = "evening", top = 5 }),
            _ => throw new InvalidOperationException(operation),
        };

        float[] Values(int count, float least, float range) => [.. Enumerable.Range(0, count).Select(_ => least + range * random.NextSingle())];

        string User() => string.Create(CultureInfo.InvariantCulture, $"user {1 + random.Next(120):D3}");
    }

    private void Fail(string error)
    {
        lock (_errors)
        {
            _errors.Add(error);
        }
    }
}
