using System.Text.Json;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>What one method reached on one task: a line of the table that <c>bench all</c> makes.</summary>
/// <param name="Task">The data and what is asked of it.</param>
/// <param name="Method">The method, the pack's or another.</param>
/// <param name="Measure">What the value is, and whether less or more of it is better.</param>
/// <param name="Value">The value; a mean where the task has several seeds or folds.</param>
/// <param name="Seconds">The time for training and scoring, for one seed or fold; null where it was not taken.</param>
internal sealed record Finding(string Task, string Method, string Measure, double Value, double? Seconds)
{
    /// <summary>The variable of the environment that names the file to which findings are added, one JSON object a line.</summary>
    internal const string FileVariable = "MLNETEXTENSIONS_FINDINGS";

    /// <summary>Adds a finding to the file, where there is one.</summary>
    internal static void Add(string task, string method, string measure, double value, double? seconds = null)
    {
        if (Environment.GetEnvironmentVariable(FileVariable) is { Length: > 0 } path)
        {
            File.AppendAllText(path, JsonSerializer.Serialize(new Finding(task, method, measure, value, seconds)) + "\n");
        }
    }
}
