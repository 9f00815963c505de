using System.CommandLine;
using System.Diagnostics;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>How the web API of the samples holds up under load, while its models are replaced.</summary>
internal static class WebBench
{
    private const int MostSecondsOfWarmUp = 20;
    private const int ShownErrors = 5;
    private const double Megabyte = 1 << 20;

    private static readonly string[] s_models = ["forecaster", "classifier", "completion"];
    private static readonly TimeSpan s_betweenSamples = TimeSpan.FromMilliseconds(250);

    public static Command Command()
    {
        var seconds = new Option<int>("--seconds") { Description = "How long to measure, after a warm-up of half of that and at most 20 s.", DefaultValueFactory = _ => 60 };
        var clients = new Option<int>("--clients") { Description = "The number of clients, each with one request at a time.", DefaultValueFactory = _ => 8 };
        foreach (var option in new[] { seconds, clients })
        {
            option.Validators.Add(result =>
            {
                if (result.Tokens.Count > 0 && result.GetValueOrDefault<int>() < 1)
                {
                    result.AddError($"{result.Option.Name} must be positive.");
                }
            });
        }
        var command = new Command("web", "Starts the web API of the samples on this machine, and asks it for forecasts, classes and cells while it takes readings and new models.") { seconds, clients };
        command.SetAction(arguments => RunAsync(arguments.GetValue(seconds), arguments.GetValue(clients)));
        return command;
    }

    private static async Task<int> RunAsync(int seconds, int clients)
    {
        var folder = Directory.CreateTempSubdirectory("web-bench");
        try
        {
            Console.Error.WriteLine("starting the server, which trains its models");
            await using var server = await WebServer.StartAsync(folder.FullName);
            await server.ReadyAsync();
            var files = s_models.ToDictionary(name => name, name => File.ReadAllBytes(Path.Combine(folder.FullName, name + ".mlnet")));
            return await MeasureAsync(server, files, TimeSpan.FromSeconds(seconds), clients);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<int> MeasureAsync(WebServer server, Dictionary<string, byte[]> files, TimeSpan length, int clients)
    {
        var load = new WebLoad(server, clients);
        using var warm = new CancellationTokenSource(TimeSpan.FromSeconds(Math.Min(MostSecondsOfWarmUp, length.TotalSeconds / 2)));
        Console.Error.WriteLine("warm-up, with one replacement of the models");
        var warmUp = load.RunAsync(warm.Token);
        await ReplaceAsync(server, files);
        await warmUp;

        load.Forget();
        var (before, clock) = (server.ResidentSet, Stopwatch.StartNew());
        using var end = new CancellationTokenSource(length);
        var running = load.RunAsync(end.Token);
        var memory = new List<long> { before };
        var isReplaced = false;
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(s_betweenSamples));
            memory.Add(server.ResidentSet);
            if (!isReplaced && clock.Elapsed > length / 2)
            {
                isReplaced = true;
                await ReplaceAsync(server, files);
                Console.Error.WriteLine($"{clock.Elapsed.TotalSeconds:F0} s: all models replaced; {memory[^1] / Megabyte:F1} MB resident");
            }
        }
        await running;
        var elapsed = clock.Elapsed.TotalSeconds;
        var growth = (memory[^1] - before) / Megabyte;

        foreach (var error in load.Errors.Take(ShownErrors))
        {
            Console.Error.WriteLine(error);
        }
        double[] all = [.. load.Times.Select(one => one.Milliseconds).Order()];
        foreach (var operation in load.Times.GroupBy(one => one.Operation).OrderBy(group => group.Key))
        {
            double[] times = [.. operation.Select(one => one.Milliseconds).Order()];
            Console.WriteLine($"{operation.Key,-22} {times.Length,8} requests  p50 {Percentile(times, 0.5),7:F2} ms  p99 {Percentile(times, 0.99),7:F2} ms  longest {times[^1],7:F2} ms");
        }
        Console.WriteLine($"{clients} clients, {elapsed:F0} s, models replaced after {length.TotalSeconds / 2:F0} s");
        var quarters = Enumerable.Range(0, 5).Select(quarter => $"{memory[quarter * (memory.Count - 1) / 4] / Megabyte:F1}");
        Console.WriteLine($"resident memory of the server, at first and after each quarter: {string.Join(", ", quarters)} MB; {memory.Max() / Megabyte:F1} MB at most");
        Console.WriteLine($"web rps={all.Length / elapsed:F0} p50_ms={Percentile(all, 0.5):F2} p99_ms={Percentile(all, 0.99):F2} errors={load.Errors.Count} rss_growth_mb={growth:F1}");
        return load.Errors.Count == 0 ? 0 : 1;
    }

    private static async Task ReplaceAsync(WebServer server, Dictionary<string, byte[]> files)
    {
        foreach (var (name, file) in files)
        {
            using var response = await server.PutModelAsync(name, file);
            if (!response.IsSuccessStatusCode)
            {
                throw new InvalidOperationException($"The server does not take the {name}: {await response.Content.ReadAsStringAsync()}");
            }
        }
    }

    private static double Percentile(double[] sorted, double part) => sorted[Math.Min(sorted.Length - 1, (int)(part * sorted.Length))];
}
