using System.CommandLine;

namespace MLNetExtensions.Benchmarks.Accuracy;

/// <summary>TimesNet beyond forecasting: imputation, classification, anomaly detection.</summary>
internal static class TimesNetTasks
{
    private const string All = "all";
    private const string Impute = "impute";
    private const string Vowels = "vowels";
    private const string Nab = "nab";

    public static Command Command()
    {
        var part = new Option<string>("--part") { Description = $"What to measure: {Impute}, {Vowels}, {Nab} or {All}.", DefaultValueFactory = _ => All };
        part.AcceptOnlyFromAmong(All, Impute, Vowels, Nab);
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 2021 };
        var epochs = new Option<int>("--epochs") { Description = "The most epochs to train in imputation.", DefaultValueFactory = _ => 10 };
        var threads = new Option<int?>("--threads") { Description = "The number of threads. Without it: the number of cores." };
        var command = new Command("timesnet-tasks", "TimesNet on ETTh1 with 12.5 % missing (a user's rerun of the published code: mse 0.062), on Japanese vowels and on three files of NAB.") { part, seed, epochs, threads };
        command.SetAction(arguments =>
        {
            var (chosen, seeded, used) = (arguments.GetValue(part), arguments.GetValue(seed), arguments.GetValue(threads));
            bool Wants(string one) => chosen is All || chosen == one;
            var impute = Wants(Impute) ? TimesNetImputation.MeanSquaredError(seeded, arguments.GetValue(epochs), used) : double.NaN;
            var vowels = Wants(Vowels) ? JapaneseVowels.Run(seeded, used) : double.NaN;
            var (auroc, f1) = Wants(Nab) ? TimesNetNab.Means(seeded, used) : (double.NaN, double.NaN);
            Console.WriteLine($"timesnet-tasks impute_mse={impute:F4} vowels={vowels:F2} nab_auroc={auroc:F3} nab_f1={f1:F3}");
        });
        return command;
    }
}
