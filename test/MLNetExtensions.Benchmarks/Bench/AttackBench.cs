using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using MLNetExtensions.Tests.Faults;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Large runs of the fault suite, each class in a process of its own.</summary>
internal static class AttackBench
{
    private const string All = "all";

    // What a class takes seconds for, it is tried less often.
    private static readonly Dictionary<string, int> s_counts = new()
    {
        ["options"] = 2000,
        ["views"] = 2000,
        ["extremes"] = 2000,
        ["cultures"] = 81,
        ["cancel"] = 500,
        ["threads"] = 81,
        ["kill"] = 100,
        ["disk"] = 300,
    };

    public static Command Command()
    {
        var faults = new Option<string>("--faults") { Description = $"The fault classes, with commas between them: {string.Join(", ", Fault.All.Select(fault => fault.Name))}.", DefaultValueFactory = _ => All };
        var files = new Option<int>("--files") { Description = "The damaged model files.", DefaultValueFactory = _ => 10_000 };
        var cycles = new Option<int>("--cycles") { Description = "The cycles of fit, score and dispose, all estimators in turn.", DefaultValueFactory = _ => 1000 };
        var seed = new Option<int>("--seed") { Description = "Draws the cases.", DefaultValueFactory = _ => 1 };
        var first = new Option<int>("--first") { Description = "The number of the first case, to try one again." };
        var count = new Option<int?>("--count") { Description = "The number of cases of each class, instead of its own." };
        var command = new Command("attack", "Mistreats every estimator: damaged files, odd options and data, killed trainings, full disks and more.") { faults, files, cycles, seed, first, count };
        foreach (var option in new Option[] { files, cycles, count })
        {
            option.Validators.Add(result => AtLeastOne(result, option.Name));
        }
        command.SetAction(arguments => Run(
            arguments.GetValue(faults)!, arguments.GetValue(files), arguments.GetValue(cycles), arguments.GetValue(seed), arguments.GetValue(first), arguments.GetValue(count)));
        return command;
    }

    private static void AtLeastOne(OptionResult result, string name)
    {
        if (result.Tokens is [var token] && !(int.TryParse(token.Value, out var number) && number > 0))
        {
            result.AddError($"{name} must be at least 1.");
        }
    }

    private static int Run(string names, int files, int cycles, int seed, int first, int? count)
    {
        var faults = names == All ? Fault.All : [.. names.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Fault.Find)];
        var (cases, failures) = (0, 0);
        foreach (var fault in faults)
        {
            var clock = Stopwatch.StartNew();
            var report = FaultProcess.Run(fault, count ?? fault.Name switch
            {
                "mutations" => files,
                "cycles" => cycles,
                "sizes" => fault.Estimators,
                var name => s_counts[name],
            }, seed, first);
            foreach (var failure in report.Failures)
            {
                Console.Error.WriteLine(failure);
            }
            Console.WriteLine($"{report.Name,-10} cases {report.Cases,6}, failures {report.Failures.Count,3}, {clock.Elapsed.TotalSeconds:F0} s");
            cases += report.Cases;
            failures += report.Failures.Count;
        }
        Console.WriteLine($"attack cases={cases} failures={failures}");
        return failures == 0 ? 0 : 1;
    }
}
