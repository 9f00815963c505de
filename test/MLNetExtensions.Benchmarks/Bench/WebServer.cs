using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.InteropServices;
using System.Text;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>The sample of a web API as a process of its own, on a free port of this machine.</summary>
internal sealed class WebServer : IAsyncDisposable
{
    private const string Listening = "Now listening on: ";
    private const int Terminate = 15;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private WebServer(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Write(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
        process.Exited += (_, _) => _address.TrySetException(new InvalidOperationException($"The server ended by itself.\n{Log}"));
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>For requests.</summary>
    public HttpClient Client { get; } = new() { Timeout = s_patience };

    /// <summary>The memory that the server holds, in bytes.</summary>
    public long ResidentSet
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>What the server wrote.</summary>
    public string Log
    {
        get
        {
            lock (_log)
            {
                return _log.ToString();
            }
        }
    }

    /// <summary>Starts the server and waits until it answers.</summary>
    /// <param name="folder">The folder of its models.</param>
    /// <param name="settings">Settings beyond that, as <c>Name=value</c>.</param>
    /// <exception cref="InvalidOperationException">It ends at once.</exception>
    public static async Task<WebServer> StartAsync(string folder, params IEnumerable<string> settings)
    {
        var program = ProgramPath();
        if (!File.Exists(program))
        {
            throw new FileNotFoundException($"There is no '{program}': build samples/WebApi.");
        }
        var start = new ProcessStartInfo("dotnet", [program, "--urls", "http://127.0.0.1:0", $"--Server:Folder={folder}", .. settings.Select(setting => "--Server:" + setting)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var server = new WebServer(Process.Start(start)!);
        try
        {
            server.Client.BaseAddress = await server._address.Task.WaitAsync(s_patience);
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
        return server;
    }

    /// <summary>Waits until all models serve.</summary>
    /// <exception cref="TimeoutException">They do not.</exception>
    public async Task<WebServer> ReadyAsync()
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            using var health = await Client.GetAsync("health/ready");
            if (health.StatusCode == HttpStatusCode.OK)
            {
                return this;
            }
            if (clock.Elapsed > s_patience)
            {
                await DisposeAsync();
                throw new TimeoutException($"The server does not get ready.\n{Log}");
            }
            await Task.Delay(s_pause);
        }
    }

    /// <summary>Sends a model file to a server that runs.</summary>
    public async Task<HttpResponseMessage> PutModelAsync(string name, byte[] file, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"models/{name}") { Content = new ByteArrayContent(file) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        if (key is not null)
        {
            request.Headers.Add("X-Api-Key", key);
        }
        return await Client.SendAsync(request);
    }

    /// <summary>Asks the server to end, as an operator does, and waits for it.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> StopAsync()
    {
        if (OperatingSystem.IsWindows())
        {
            _process.Kill();
        }
        else
        {
            _ = Signal(_process.Id, Terminate);
        }
        using var patience = new CancellationTokenSource(s_patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    /// <summary>Kills the server if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        _process.Dispose();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Signal(int process, int signal);

    /// <summary>The sample, built in the same configuration as this program, which lies in bin/CONFIGURATION/FRAMEWORK of a project of its own.</summary>
    private static string ProgramPath()
    {
        var framework = new DirectoryInfo(AppContext.BaseDirectory);
        var project = framework.Parent!.Parent!.Parent!;
        return Path.Combine(project.Parent!.Parent!.FullName, "samples", "WebApi", "bin", framework.Parent.Name, framework.Name, "WebApi.dll");
    }

    private void Write(string? line)
    {
        if (line is null)
        {
            return;
        }
        lock (_log)
        {
            _log.AppendLine(CultureInfo.InvariantCulture, $"{line}");
        }
        if (line.IndexOf(Listening, StringComparison.Ordinal) is >= 0 and var place)
        {
            _address.TrySetResult(new Uri(line[(place + Listening.Length)..] + "/"));
        }
    }
}
