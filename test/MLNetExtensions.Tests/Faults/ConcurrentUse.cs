using Microsoft.ML;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tests.Faults;

/// <summary>Eight threads score a model while another trains and a third loads models: all have the scores of one thread alone, bit for bit.</summary>
internal sealed class ConcurrentUse : Fault
{
    private const int Scoring = 8;

    internal override string Name => "threads";

    protected override void Try(Case made)
    {
        made.What = "at the same time";
        var original = FaultModel.Of(made.Entry);
        var failures = new List<Exception>();
        var ready = new Barrier(Scoring + 2);
        Thread[] threads =
        [
            .. Enumerable.Range(0, Scoring).Select(_ => Start(() => original.AssertScoresAlike(original.Model, made.Entry.Data(made.Entry.Rows)))),
            Start(() =>
            {
                using var threads = TorchThreads.Use(1);
                var fitted = made.Entry.Create(new MLContext(1)).Fit(made.Entry.Data(made.Entry.Rows));
                using var disposable = fitted as IDisposable;
                original.AssertScoresAlike(fitted, made.Entry.Data(made.Entry.Rows));
            }),
            Start(() =>
            {
                for (var i = 0; i < 3; i++)
                {
                    var loaded = Models.Load(original.File);
                    using var disposable = loaded as IDisposable;
                    original.AssertScoresAlike(loaded, made.Entry.Data(made.Entry.Rows));
                }
            }),
        ];
        foreach (var thread in threads)
        {
            thread.Join();
        }
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }

        Thread Start(Action action)
        {
            var thread = new Thread(() =>
            {
                try
                {
                    ready.SignalAndWait();
                    action();
                }
                catch (Exception e)
                {
                    lock (failures)
                    {
                        failures.Add(e);
                    }
                }
            });
            thread.Start();
            return thread;
        }
    }
}
