using System.CommandLine;

namespace Samples;

/// <summary>What the command lines of samples share.</summary>
internal static class CommandLine
{
    /// <summary>An option that takes a positive number; without it null.</summary>
    public static Option<int?> Positive(string name, string description)
    {
        var option = new Option<int?>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && result.GetValueOrDefault<int?>() < 1)
            {
                result.AddError($"{name} must be positive.");
            }
        });
        return option;
    }

    /// <summary>Runs a sample: Ctrl+C ends it, and an error is told with its causes, the nearest first, without a stack trace.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(Action<CancellationToken> sample)
    {
        using var cancellation = new CancellationTokenSource();
        Console.CancelKeyPress += (_, key) =>
        {
            // The first Ctrl+C ends the training, the second one the program.
            key.Cancel = !cancellation.IsCancellationRequested;
            cancellation.Cancel();
        };
        try
        {
            sample(cancellation.Token);
            return 0;
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Cancelled before there was a model: nothing was saved.");
            return 130;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            Console.Error.WriteLine($"Error: {e.Message}");
            for (var cause = e.InnerException; cause is not null; cause = cause.InnerException)
            {
                Console.Error.WriteLine($"  {cause.Message}");
            }
            return 1;
        }
    }
}
